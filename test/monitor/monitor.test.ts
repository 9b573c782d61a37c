/** What a monitor tells: every end once, in an order that can be relied on, to everybody who listens. */
import { describe, expect } from 'vitest';
import { type Container, Monitor, type MonitorEvent } from '../../src/index.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';

const sh = (script: string): { args: string[] } => ({ args: ['sh', '-c', script] });

const sleeper = { args: ['sleep', '1000'] };

/** The next events of an iterator, in short. */
async function take(iterator: AsyncIterator<MonitorEvent>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const next = await iterator.next();
    if (next.done === true) throw new Error(`ended after ${taken.join(', ')}`);
    taken.push(short(next.value));
  }
  return taken;
}

function short(event: MonitorEvent): string {
  return event.type === 'exit'
    ? `exit ${event.processId} ${event.exit.status ?? 'lost'}`
    : `oom ${event.processId} ${event.kills}`;
}

function monitor(): Monitor {
  return new Monitor();
}

async function started(scratch: Scratch, runtime: string, overrides: { args: string[] }): Promise<Container> {
  const container = await scratch.container(runtime, overrides);
  await container.start();
  return container;
}

describe.each(runtimes)('%s', (runtime) => {
  test('the end of a process is told with its exit, its ids and its time', async ({ scratch }) => {
    using watching = monitor();
    const container = await scratch.container(runtime, sh('read x; exit 5'));
    const process = await container.start({ stdio: scratch.fifos() });
    watching.add(process);
    const before = Date.now();
    process.openStdin().end('\n');
    const { value } = (await watching[Symbol.asyncIterator]().next()) as { value: MonitorEvent };
    expect(value).toMatchObject({ type: 'exit', containerId: container.id, processId: 'init', exit: { status: 5 } });
    expect(value.process).toBe(process);
    expect(value.timeMs).toBeGreaterThanOrEqual(before - 1);
    expect(value.timeMs).toBeLessThanOrEqual(Date.now());
  });

  test('an end before it was added is told all the same, once', async ({ scratch }) => {
    using watching = monitor();
    const container = await started(scratch, runtime, sh('exit 6'));
    const [process] = container.processes();
    if (process === undefined) throw new Error('no process');
    await process.wait();
    watching.add(process);
    watching.add(container);
    watching.add(process);
    const events = watching[Symbol.asyncIterator]();
    expect(await take(events, 1)).toEqual(['exit init 6']);
    await watching.allTold(container);
    watching.close();
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test('a container brings what is started in it later, and its init ends last', async ({ scratch }) => {
    using watching = monitor();
    const container = await scratch.container(runtime, sleeper);
    watching.add(container);
    const init = await container.start();
    const first = await container.exec('first', sleeper);
    await container.exec('second', sleeper);
    first.signal('SIGTERM');
    const events = watching[Symbol.asyncIterator]();
    expect(await take(events, 1)).toEqual(['exit first 143']);
    if (runtime === 'host')
      container
        .processes()
        .find(({ id }) => id === 'second')
        ?.signal('SIGKILL');
    init.signal('SIGKILL');
    expect(await take(events, 2)).toEqual(['exit second 137', 'exit init 137']);
  });
});

describe('a monitor', () => {
  test('tells a hundred ends at once, each once, to iterators and listeners alike', async ({ scratch }) => {
    using watching = monitor();
    const heard: string[] = [];
    const container = await started(scratch, 'host', sleeper);
    watching.add(container);
    watching.on('exit', ({ processId }) => heard.push(processId));
    const [one, other] = [watching[Symbol.asyncIterator](), watching[Symbol.asyncIterator]()];
    const names = Array.from({ length: 100 }, (_, i) => `p${i}`);
    for (const name of names) await container.exec(name, sleeper);
    for (const process of container.processes()) if (process.id !== 'init') process.signal('SIGKILL');
    const expected = names.map((name) => `exit ${name} 137`).sort();
    expect((await take(one, 100)).sort()).toEqual(expected);
    expect((await take(other, 100)).sort()).toEqual(expected);
    expect(heard.sort()).toEqual([...names].sort());
    container
      .processes()
      .find(({ id }) => id === 'init')
      ?.signal('SIGKILL');
    expect(await take(one, 1)).toEqual(['exit init 137']);
  });

  test('keeps what happens before there is anybody for the first one', async ({ scratch }) => {
    using watching = monitor();
    const container = await started(scratch, 'host', sh('exit 3'));
    watching.add(container);
    await watching.allTold(container);
    const heard: string[] = [];
    watching.on('event', (event) => heard.push(short(event)));
    await Promise.resolve();
    expect(heard).toEqual(['exit init 3']);
  });

  test('fails an iterator that takes nothing, and only that one', async ({ scratch }) => {
    using watching = new Monitor({ maxPending: 1 });
    const slow = watching[Symbol.asyncIterator]();
    const quick = watching[Symbol.asyncIterator]();
    for (const status of [1, 2, 3]) {
      const container = await started(scratch, 'host', sh(`exit ${status}`));
      watching.add(container);
      expect(await take(quick, 1)).toEqual([`exit init ${status}`]);
    }
    expect(await take(slow, 1)).toEqual(['exit init 1']);
    await expect(slow.next()).rejects.toMatchObject({ code: 'ERR_EVENTS_DROPPED' });
    expect(await slow.next()).toEqual({ done: true, value: undefined });
  });

  test('tells nothing of what was removed, and takes nothing once it is closed', async ({ scratch }) => {
    const watching = monitor();
    const container = await started(scratch, 'host', sleeper);
    watching.add(container);
    watching.remove(container);
    const [init] = container.processes();
    init?.signal('SIGKILL');
    await init?.wait();
    const events = watching[Symbol.asyncIterator]();
    watching.close();
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(() => watching.add(container)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    expect(() => monitor().add('container' as unknown as Container)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});
