/** A monitor tells every listener each exit once, in a defined order, and keeps nothing of what is over. */
import { once } from 'node:events';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { Container, Monitor, type MonitorEvent } from '../../src/index.js';

import { MonitorGroup } from '../../src/monitor/group.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { collectGarbage } from '../support/garbage.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { Turns, work } from '../support/turns.js';
import { catchUncaught } from '../support/uncaught.js';
import { until } from '../support/until.js';

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
  // Longer than a busy machine takes: the order of the ends is what counts here.
  return new Monitor({ initHoldMs: 60_000 });
}

async function started(scratch: Scratch, runtime: string, overrides: { args: string[] }): Promise<Container> {
  const container = await scratch.container(runtime, overrides);
  await container.start();
  return container;
}

describe.each(runtimes)('%s', (runtime) => {
  test('an exit event has the exit, the ids and the time', async ({ scratch }) => {
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

  test('an exit from before add() is told, once', async ({ scratch }) => {
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

  test('a container includes processes that are started later, and its init is told last', async ({ scratch }) => {
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
  test('tells a hundred simultaneous exits once each, to every iterator and listener', async ({ scratch }) => {
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

  test('keeps events for the first listener', async ({ scratch }) => {
    using watching = monitor();
    const container = await started(scratch, 'host', sh('exit 3'));
    watching.add(container);
    await watching.allTold(container);
    const heard: string[] = [];
    watching.on('event', (event) => heard.push(short(event)));
    await Promise.resolve();
    expect(heard).toEqual(['exit init 3']);
  });

  const ways = {
    on: (watching: Monitor, listener: (event: MonitorEvent) => void) => watching.on('event', listener),
    addListener: (watching: Monitor, listener: (event: MonitorEvent) => void) =>
      watching.addListener('event', listener),
    once: (watching: Monitor, listener: (event: MonitorEvent) => void) => watching.once('event', listener),
    prependListener: (watching: Monitor, listener: (event: MonitorEvent) => void) =>
      watching.prependListener('event', listener),
    prependOnceListener: (watching: Monitor, listener: (event: MonitorEvent) => void) =>
      watching.prependOnceListener('event', listener),
    'once() of node:events': (watching: Monitor, listener: (event: MonitorEvent) => void) => {
      void once(watching, 'event').then(([event]) => listener(event as MonitorEvent));
    },
  };

  test.for(Object.entries(ways))('%s() gives kept events to the first listener', async ([, listen], { scratch }) => {
    using watching = monitor();
    const container = await started(scratch, 'host', sh('exit 3'));
    watching.add(container);
    await watching.allTold(container);
    watching.on('error', () => undefined); // gets none of them
    const heard: string[] = [];
    listen(watching, (event) => heard.push(short(event)));
    // An iterator that comes later does not take them away.
    const later = watching[Symbol.asyncIterator]();
    await until('the event is heard', () => heard.length > 0);
    expect(heard).toEqual(['exit init 3']);
    watching.close();
    expect(await later.next()).toEqual({ done: true, value: undefined });
  });

  test('gives many kept events in several turns, and those that come meanwhile after them', async ({ scratch }) => {
    using watching = monitor();
    const kept = await started(scratch, 'host', sh('exit 3'));
    const later = await started(scratch, 'host', sh('exit 4'));
    const follow = async (container: Container): Promise<void> => {
      watching.add(container);
      await watching.allTold(container);
      // Then it is told once more if it is added again.
      watching.remove(container);
    };
    for (let i = 0; i < 30; i++) await follow(kept);
    const turns = new Turns();
    const heard: string[] = [];
    watching.on('exit', (event) => {
      turns.note();
      heard.push(short(event));
      // Longer than the rest takes on any machine: with two milliseconds for a turn, there are two in one.
      work(1);
      if (heard.length === 5) void follow(later);
    });
    await until('all are heard', () => heard.length === 31);
    turns.stop();
    expect(turns.most).toBeLessThanOrEqual(3);
    expect(heard).toEqual([...Array.from({ length: 30 }, () => 'exit init 3'), 'exit init 4']);
    await follow(kept);
    await until('one that comes after them', () => heard.length === 32);
    expect(heard.at(-1)).toBe('exit init 3');
  });

  test('tells its first listener if more events came than are kept', async ({ scratch }) => {
    using watching = new Monitor({ maxPending: 1 });
    for (const status of [1, 2]) {
      const container = await started(scratch, 'host', sh(`exit ${status}`));
      watching.add(container);
      await watching.allTold(container);
    }
    const heard: string[] = [];
    const dropped = once(watching, 'error');
    watching.on('event', (event) => heard.push(short(event)));
    expect(await dropped).toMatchObject([{ code: 'ERR_EVENTS_DROPPED' }]);
    expect(heard).toEqual(['exit init 1']);
  });

  test('a listener that throws costs nobody an event, and each error is one uncaught exception', async ({
    scratch,
  }) => {
    const uncaught = catchUncaught();
    using watching = monitor();
    const heard: string[] = [];
    const [first, second] = [new Error('one'), new Error('two')];
    watching.once('event', () => {
      throw first;
    });
    watching.on('event', (event) => heard.push(`event: ${short(event)}`));
    watching.on('exit', () => {
      if (heard.length < 2) throw second;
    });
    watching.on('exit', (event) => heard.push(`exit: ${short(event)}`));
    const events = watching[Symbol.asyncIterator]();
    for (const status of [1, 2]) watching.add(await started(scratch, 'host', sh(`exit ${status}`)));
    const told = (await take(events, 2)).sort();
    expect(told).toEqual(['exit init 1', 'exit init 2']);
    await until('all is heard', () => heard.length === 4);
    expect(heard.sort()).toEqual(told.flatMap((what) => [`event: ${what}`, `exit: ${what}`]).sort());
    await until('both are uncaught', () => uncaught.length >= 2);
    expect(uncaught).toEqual([first, second]);
  });

  test('follows all processes although the cgroup of one cannot be watched', async ({ scratch }) => {
    using watching = monitor();
    const container = await started(scratch, 'host', sleeper);
    for (const id of ['one', 'two']) await container.exec(id, sh('exit 4'));
    const error = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const { follow } = MonitorGroup.prototype;
    const spy = vi.spyOn(MonitorGroup.prototype, 'follow').mockImplementationOnce(function (this: MonitorGroup, each) {
      follow.call(this, each);
      throw error;
    });
    onTestFinished(() => spy.mockRestore());
    expect(() => watching.add(container)).toThrow(error);
    const events = watching[Symbol.asyncIterator]();
    expect((await take(events, 2)).sort()).toEqual(['exit one 4', 'exit two 4']);
    container
      .processes()
      .find(({ id }) => id === 'init')
      ?.signal('SIGKILL');
    expect(await take(events, 1)).toEqual(['exit init 137']);
  });

  test('keeps no container that was deleted, and no process that has ended', async ({ scratch }) => {
    using watching = monitor();
    watching.on('event', () => undefined);
    const kept: WeakRef<object>[] = [];
    const play = async (add: (container: Container) => void): Promise<void> => {
      const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), sh('exit 0'));
      const container = await Container.create({ root: scratch.root, id: scratch.newId(), bundle });
      const init = await container.start();
      add(container);
      await init.wait();
      await container.delete();
      kept.push(new WeakRef(container), new WeakRef(init));
    };
    for (let i = 0; i < 3; i++) {
      await play((container) => watching.add(container));
      await play((container) => container.processes().forEach((each) => watching.add(each)));
    }
    await until('nothing of them is kept', async () => {
      await collectGarbage();
      return kept.every((one) => one.deref() === undefined);
    });
  });

  test('fails an iterator that falls behind, and only that one', async ({ scratch }) => {
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

  test('tells nothing of a container that was removed, and accepts nothing after close()', async ({ scratch }) => {
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
