/** The event log of a supervisor: it has each event once, also if supervisors are killed in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container, type LoggedEvent, Supervisor, type SupervisorOptions } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const script = fileURLToPath(new URL('../fixtures/event-supervisor.mjs', import.meta.url));
const sleeper = { args: ['sleep', '1000'] };
const sh = (text: string): { args: string[] } => ({ args: ['sh', '-c', text] });

const open = (scratch: Scratch, options?: SupervisorOptions): Promise<Supervisor> =>
  Supervisor.open(scratch.root, options);

/** An event in short. */
function short({ type, processId, exit, recovered }: LoggedEvent): string {
  const words = [type, processId, exit && (exit.status ?? 'lost'), recovered && 'recovered'];
  return words.filter((word) => word !== undefined).join(' ');
}

async function all(supervisor: Supervisor): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of supervisor.events()) events.push(event);
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1));
  return events;
}

/** The events that a follower gets, up to the `times`-th one that begins with `last`. */
async function followed(supervisor: Supervisor, last: string, times = 1): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  let left = times;
  for await (const event of supervisor.events({ follow: true })) {
    events.push(event);
    if (short(event).startsWith(last) && --left === 0) break;
  }
  return events;
}

async function bundle(scratch: Scratch, overrides: { args: string[] }): Promise<string> {
  return writeHostTestBundle(scratch.mkdir('bundle'), overrides);
}

/** A supervisor in another process; `step` resolves when it has reported that step. */
function elsewhere(argument: object): { child: ChildProcess; step: (name: string) => Promise<void> } {
  const child = spawn(process.execPath, [script, JSON.stringify(argument)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const seen: string[] = [];
  lines.on('line', (line) => seen.push(line));
  const step = async (name: string): Promise<void> => {
    while (!seen.includes(name)) await once(lines, 'line');
  };
  return { child, step };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

describe('a supervisor', () => {
  test('logs the life of a container in order', async ({ scratch }) => {
    using supervisor = await open(scratch);
    const id = scratch.newId();
    const container = await supervisor.create({ id, bundle: await bundle(scratch, sleeper) });
    await supervisor.start(id);
    const process = await supervisor.exec(id, 'one', sh('exit 4'));
    await process.wait();
    await followed(supervisor, 'exit one');
    await supervisor.delete(id);
    const events = await all(supervisor);
    expect(events.map(short)).toEqual([
      'create',
      'start init',
      'exec-started one',
      'exit one 4',
      'exit init 137',
      'delete',
    ]);
    expect(new Set(events.map(({ containerId, containerKey }) => `${containerId} ${containerKey}`)).size).toBe(1);
    expect(events[2]?.systemPid).toBe(process.systemPid);
    expect(supervisor.containers()).toEqual([]);
    expect(() => supervisor.get(id)).toThrow(expect.objectContaining({ code: 'ERR_CONTAINER_NOT_FOUND' }));
    expect(container.id).toBe(id);
  });

  test('logs a pause, a resume, and both phases of a start', async ({ scratch }) => {
    using supervisor = await open(scratch);
    const id = scratch.newId();
    const container = await supervisor.create({ id, bundle: await bundle(scratch, sleeper) });
    const process = await container.createInit();
    await process.start();
    await container.pause();
    await container.resume();
    await supervisor.delete(id);
    expect((await all(supervisor)).map(short)).toEqual([
      'create',
      'created init',
      'start init',
      'pause',
      'resume',
      'exit init 137',
      'delete',
    ]);
  });

  test('finds that a created process was started while no supervisor ran', async ({ scratch }) => {
    const id = scratch.newId();
    using first = await open(scratch);
    const container = await first.create({ id, bundle: await bundle(scratch, sleeper) });
    await container.createInit();
    first.close();
    const other = scratch.keep(await Container.load(scratch.root, id));
    await other.start();
    const expected = ['create', 'created init', 'start init recovered'];
    for (let i = 0; i < 2; i++) {
      using supervisor = await open(scratch);
      expect((await all(supervisor)).map(short)).toEqual(expected);
    }
  });

  test('a created process that another object lets run, and that ends: each event once, in order', async ({
    scratch,
  }) => {
    const id = scratch.newId();
    const first = await open(scratch);
    const container = await first.create({ id, bundle: await bundle(scratch, sh('exit 7')) });
    await container.createInit();
    await scratch.keep(await Container.load(scratch.root, id)).start();
    const expected = ['create', 'created init', 'start init', 'exit init 7'];
    expect((await followed(first, 'exit init')).map(short)).toEqual(expected);
    first.close();
    for (let i = 0; i < 2; i++) {
      using supervisor = await open(scratch);
      expect((await all(supervisor)).map(short)).toEqual(expected);
    }
  });

  test('writes what it finds at its start exactly once', async ({ scratch }) => {
    const container = await scratch.container('host', sh('exit 7'));
    await (await container.start()).wait();
    const expected = ['create recovered', 'start init recovered', 'exit init 7 recovered'];
    for (let i = 0; i < 3; i++) {
      using supervisor = await open(scratch);
      expect((await followed(supervisor, 'exit init')).map(short)).toEqual(expected);
      expect((await all(supervisor)).map(short)).toEqual(expected);
    }
  });

  test('tells a container from an earlier one with the same id, and logs what was deleted while it was away', async ({
    scratch,
  }) => {
    const id = scratch.newId();
    const path = await bundle(scratch, sleeper);
    using first = await open(scratch);
    await first.create({ id, bundle: path });
    await first.start(id);
    first.close();
    await (await Container.load(scratch.root, id)).delete();
    scratch.keep(await Container.create({ root: scratch.root, id, bundle: path }));
    using second = await open(scratch);
    const events = await all(second);
    expect(events.map(short)).toEqual([
      'create',
      'start init',
      'exit init lost recovered',
      'delete recovered',
      'create recovered',
    ]);
    expect(events[4]?.containerKey).not.toBe(events[0]?.containerKey);
    second.close();
    await (await Container.load(scratch.root, id)).delete();
    using third = await open(scratch);
    expect((await all(third)).map(short).slice(5)).toEqual(['delete recovered']);
  });

  test('is the only one on its root, until it is closed', async ({ scratch }) => {
    using first = await open(scratch);
    await expect(open(scratch)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    first.close();
    using second = await open(scratch);
    expect(second.containers()).toEqual([]);
    expect(() => first.events()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  });

  test('does not pass its lock to a process that it starts', async ({ scratch }) => {
    using first = await open(scratch);
    const id = scratch.newId();
    await first.create({ id, bundle: await bundle(scratch, sleeper) });
    await first.start(id);
    first.close();
    using second = await open(scratch);
    expect(second.get(id).state()).toBe('running');
    await second.delete(id);
  });

  test('replays from a time, a sequence or an acknowledged position, and fails if events are gone', async ({
    scratch,
  }) => {
    const limits = { segmentBytes: 1, maxLogBytes: 0 };
    using supervisor = await open(scratch, limits);
    const held = supervisor.events({ consumer: 'holder' });
    for (let i = 0; i < 6; i++) {
      const id = scratch.newId();
      await supervisor.create({ id, bundle: await bundle(scratch, sleeper) });
    }
    expect((await all(supervisor)).length).toBe(6);
    const sequences = async (options: Parameters<Supervisor['events']>[0]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { sequence } of supervisor.events(options)) found.push(sequence);
      return found;
    };
    expect(await sequences({ since: 4 })).toEqual([5, 6]);
    expect(await sequences({ since: new Date(0) })).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await sequences({ since: new Date(Date.now() + 60_000) })).toEqual([]);
    expect((await held.next()).value).toMatchObject({ sequence: 1 });
    supervisor.ack('holder', 3);
    expect(await sequences({ since: 0 })).toEqual([1, 2, 3, 4, 5, 6]); // an iterator still reads the segment
    await held.return?.();
    supervisor.ack('holder', 4);
    const [oldest = ''] = readdirSync(join(scratch.root, '.events')).filter((name) => name.endsWith('.jsonl'));
    const oldestSequence = Number(oldest.slice(0, 16));
    expect(oldestSequence).toBeGreaterThan(1);
    expect(oldestSequence).toBeLessThanOrEqual(5);
    expect(() => supervisor.events({ since: 0 })).toThrow(
      expect.objectContaining({ code: 'ERR_EVENTS_DROPPED', oldestSequence }),
    );
    supervisor.close();
    using again = await open(scratch, limits);
    const rest: number[] = [];
    for await (const { sequence } of again.events({ consumer: 'holder' })) rest.push(sequence);
    expect(rest).toEqual([5, 6]);
    expect([...again.consumers()]).toEqual([['holder', 4]]);
    expect(again.removeConsumer('holder')).toBe(true);
  });

  test('writes as many bytes for an event with 500 containers as with 5', async ({ scratch }) => {
    using supervisor = await open(scratch, { segmentBytes: 4096 });
    const path = await bundle(scratch, sleeper);
    const dir = join(scratch.root, '.events');
    const size = (): number =>
      readdirSync(dir)
        .filter((name) => name.endsWith('.jsonl'))
        .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    const grow = async (count: number): Promise<void> => {
      for (let i = supervisor.containers().length; i < count; i++) {
        await supervisor.create({ id: `c${i}`, bundle: path });
      }
    };
    const bytesAnEvent = async (events: number): Promise<number> => {
      const before = size();
      for (let i = 0; i < events / 2; i++) {
        await supervisor.create({ id: 'extra', bundle: path });
        await supervisor.delete('extra');
      }
      return (size() - before) / events;
    };
    await grow(5);
    const few = await bytesAnEvent(200);
    await grow(500);
    // A snapshot takes about 45 kB by now. At most one is written meanwhile, not one an event.
    expect(await bytesAnEvent(200)).toBeLessThan(2 * few + 60_000 / 200);
  });

  test('keeps an event that it cannot write, and writes it later', async ({ scratch }) => {
    using supervisor = await open(scratch, { segmentBytes: 1 });
    const id = scratch.newId();
    // A directory under the name of the next segment.
    const obstacle = join(scratch.root, '.events', 'next.new');
    mkdirSync(obstacle);
    await supervisor.create({ id, bundle: await bundle(scratch, sleeper) });
    expect(supervisor.logProblem).toMatchObject({ code: 'EEXIST' });
    rmSync(obstacle, { recursive: true });
    expect((await followed(supervisor, 'create')).map(short)).toEqual(['create']);
    expect(supervisor.logProblem).toBeUndefined();
  });

  test('logs a hundred simultaneous exits once each', async ({ scratch }) => {
    using supervisor = await open(scratch, { initHoldMs: 60_000 });
    const id = scratch.newId();
    const container = await supervisor.create({ id, bundle: await bundle(scratch, sleeper) });
    await supervisor.start(id);
    for (let i = 0; i < 100; i++) await supervisor.exec(id, `p${i}`, sleeper);
    const [init, ...others] = container.processes();
    for (const process of others) process.signal('SIGKILL');
    init?.signal('SIGKILL');
    const events = (await followed(supervisor, 'exit', 101)).filter(({ type }) => type === 'exit');
    expect(new Set(events.map(({ processId }) => processId)).size).toBe(101);
    expect(events.at(-1)?.processId).toBe('init');
  });
});

/** Whether the process had been started by the time that the supervisor reported this step. */
function finished(step: string, processId: string): boolean {
  return step === 'done' || Number(processId.slice(1)) <= (step.startsWith('p') ? Number(step.slice(1)) : -1);
}

describe('the SIGKILL of a supervisor', () => {
  const steps = ['created', 'started', 'p0', 'p3', 'p9', 'p17', 'done'];

  test.for(steps)('after "%s": the next one has each event once', async (last, { scratch }) => {
    const id = scratch.newId();
    const argument = { root: scratch.root, id, bundle: await bundle(scratch, sleeper), count: 18 };
    const { child, step } = elsewhere(argument);
    await step(last);
    await expect(open(scratch)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await kill(child);
    for (let i = 0; i < 2; i++) {
      using supervisor = await open(scratch);
      const execs = supervisor
        .get(id)
        .processes()
        .filter((process) => process.id !== 'init');
      await Promise.all(execs.map((process) => process.wait()));
      await until('all ends are in the log', async () => {
        const ends = (await all(supervisor)).filter(({ type }) => type === 'exit');
        return ends.length >= execs.length;
      });
      const events = await all(supervisor);
      const names = events.map(({ type, processId }) => `${type} ${processId ?? ''}`);
      expect(new Set(names).size).toBe(names.length);
      for (const process of execs) {
        const told = events.find((event) => event.type === 'exit' && event.processId === process.id);
        // The process whose start was interrupted may never have run: then its exit is lost.
        expect(told?.exit).toEqual(await process.wait());
        if (finished(last, process.id)) expect(told?.exit?.status).toBe(Number(process.id.slice(1)));
        expect(names.indexOf(`exec-started ${process.id}`)).toBeLessThan(names.indexOf(`exit ${process.id}`));
      }
    }
    using supervisor = await open(scratch);
    await supervisor.delete(id);
    const told = (await all(supervisor)).map(({ type, processId = '' }) => `${type} ${processId}`);
    const count = (what: string): number => told.filter((one) => one === what).length;
    // Whenever it was killed: each start has one exit, and there is no exit without a start.
    expect(count('exit init')).toBe(count('start init'));
    expect(last === 'created' ? [0, 1] : [1]).toContain(count('start init'));
    expect(told.at(-1)).toBe('delete ');
    const [file = ''] = readdirSync(join(scratch.root, '.events')).filter((name) => name.endsWith('.jsonl'));
    expect(readFileSync(join(scratch.root, '.events', file), 'utf8')).toMatch(/\}\n$/);
  });
});
