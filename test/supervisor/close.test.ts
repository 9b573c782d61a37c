/** close() while operations are under way, and several operations on one container: the log has one writer. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, vi } from 'vitest';
import { Container, type LoggedEvent, Monitor, Supervisor, posix } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { collectGarbage } from '../support/garbage.js';
import { GatedRuntime } from '../support/gated-runtime.js';
import { openDescriptors } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const SLEEP = { args: ['sleep', '1000'] };
const CLOSED = { code: 'ERR_INVALID_STATE' };

const bundle = (scratch: Scratch, overrides = SLEEP): Promise<string> =>
  writeHostTestBundle(scratch.mkdir('bundle'), overrides);

/** All bytes of the log. */
function logOf({ root }: Scratch): string {
  const dir = join(root, '.events');
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl'));
  return names.map((name) => `${name}\n${readFileSync(join(dir, name), 'utf8')}`).join('');
}

async function typesOf(supervisor: Supervisor): Promise<string[]> {
  const types: string[] = [];
  let next = 1;
  for await (const event of supervisor.events()) {
    expect(event.sequence).toBe(next++);
    types.push(shortly(event));
  }
  return types;
}

const shortly = ({ type, processId, recovered }: LoggedEvent): string =>
  [type, processId, recovered && 'recovered'].filter((word) => word !== undefined).join(' ');

/** What a promise has become: its error's code, or `'done'`. */
const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('close()', () => {
  test('while a container is created: it rejects and leaves none', async ({ scratch }) => {
    const supervisor = await Supervisor.open(scratch.root);
    const id = scratch.newId();
    const creating = supervisor.create({ id, bundle: await bundle(scratch) });
    supervisor.close();
    const log = logOf(scratch);
    await expect(creating).rejects.toMatchObject(CLOSED);
    expect(readdirSync(scratch.root)).toEqual(['.events']);
    expect(logOf(scratch)).toBe(log);
  });

  test('while a container is loaded: it rejects, and the next supervisor has the log to itself', async ({
    scratch,
  }) => {
    const gate = new GatedRuntime(scratch, ['state']);
    const made = await Container.create({
      ...{ root: scratch.root, id: scratch.newId(), bundle: await bundle(scratch) },
      ...{ runtime: gate.path, runtimeArgs: gate.runtimeArgs },
    });
    const first = await Supervisor.open(scratch.root);
    first.close();
    await made.createInit();
    made.close();
    const one = await openBeside(scratch, made.id);
    const loading = outcome(one.load(made.id));
    await gate.came();
    one.close();
    gate.open();
    using two = await Supervisor.open(scratch.root);
    expect(await loading).toBe('ERR_INVALID_STATE');
    await two.create({ id: scratch.newId(), bundle: await bundle(scratch) });
    const types = await typesOf(two);
    expect(types.filter((type) => type === 'create')).toHaveLength(1);
    expect(types.at(-1)).toBe('create');
  });

  test('while processes are started and a container is deleted: they go on, and nothing is written', async ({
    scratch,
  }) => {
    const gate = new GatedRuntime(scratch, ['run', 'exec', 'delete']);
    const options = { bundle: await bundle(scratch), runtime: gate.path, runtimeArgs: gate.runtimeArgs };
    const [plain, gated, doomed] = [scratch.newId(), scratch.newId(), scratch.newId()];
    const one = await Supervisor.open(scratch.root);
    await one.create({ id: plain, bundle: options.bundle });
    await one.start(plain);
    for (const id of [gated, doomed]) await one.create({ id, ...options });
    await one.get(doomed).createInit();
    const starting = outcome(one.start(gated));
    await gate.came(1);
    const deleting = outcome(one.delete(doomed));
    await gate.came(2);
    one.close();
    const log = logOf(scratch);
    gate.open();
    expect(await Promise.all([starting, deleting])).toEqual(['done', 'done']);
    await collectGarbage();
    expect(logOf(scratch)).toBe(log);
    using two = await Supervisor.open(scratch.root);
    expect(two.get(gated).state()).toBe('running');
    expect(existsSync(join(scratch.root, doomed))).toBe(false);
    const types = (await typesOf(two)).slice(log.split('\n').length - 3);
    expect(types.sort()).toEqual(['delete recovered', 'exit init recovered', 'start init recovered']);
  });

  test('of containers that take long to close: in several turns, and all else at once', async ({ scratch }) => {
    const one = await Supervisor.open(scratch.root);
    const ids = Array.from({ length: 64 }, () => scratch.newId());
    const options = { bundle: await bundle(scratch) };
    for (const id of ids) await one.create({ id, ...options });
    const [first, last] = [one.get(ids[0] ?? ''), one.get(ids.at(-1) ?? '')];
    const process = await one.start(first.id);
    const waiting = outcome(process.wait());
    let closed = 0;
    // As long as those of some twenty take.
    const original = Reflect.get(Container.prototype, 'closing');
    const slow = vi.spyOn(Container.prototype, 'closing').mockImplementation(function (this: Container) {
      const close = original.call(this);
      return () => {
        const beginMs = performance.now();
        while (performance.now() - beginMs < 0.3) continue;
        close();
        closed++;
      };
    });
    try {
      one.close();
      expect(closed).toBe(16);
      expect(one.containers()).toEqual([]);
      const late = await last.start();
      const two = await Supervisor.open(scratch.root);
      await one[Symbol.asyncDispose]();
      expect(closed).toBe(ids.length);
      expect(await waiting).toBe('ERR_INVALID_STATE');
      // It was started after close().
      const ended = late.wait();
      late.signal('SIGKILL');
      expect((await ended).status).toBe(137);
      await two[Symbol.asyncDispose]();
    } finally {
      slow.mockRestore();
    }
  });

  test('gives the lock back although a child that is being made has a copy of its descriptor', async ({ scratch }) => {
    for (let i = 0; i < 100; i++) {
      const supervisor = await Supervisor.open(scratch.root);
      const spawning = Array.from({ length: 3 }, () => posix.spawn('true'));
      // At another moment of the spawns each time.
      const beginMs = performance.now();
      while (performance.now() - beginMs < i / 100) continue;
      supervisor.close();
      (await Supervisor.open(scratch.root)).close();
      for (const { exited } of await Promise.all(spawning)) await exited;
    }
  });
});

describe('one container', () => {
  test('that is loaded several times at once is one object', async ({ scratch }) => {
    using supervisor = await Supervisor.open(scratch.root);
    const container = await scratch.container('host', SLEEP);
    await container.createInit();
    const loads = await Promise.all(Array.from({ length: 5 }, () => supervisor.load(container.id)));
    expect(new Set(loads).size).toBe(1);
    expect(supervisor.containers()).toEqual([loads[0]]);
    expect(await supervisor.load(container.id)).toBe(loads[0]);
    expect(await typesOf(supervisor)).toEqual(['create recovered', 'created init recovered']);
  });

  test('that is created and loaded at once is one object', async ({ scratch }) => {
    using supervisor = await Supervisor.open(scratch.root);
    const id = scratch.newId();
    const creating = supervisor.create({ id, bundle: await bundle(scratch) });
    const both = await Promise.all([creating, supervisor.load(id)]);
    expect(both[0]).toBe(both[1]);
    expect((await typesOf(supervisor)).map((type) => type.split(' ')[0])).toEqual(['create']);
  });

  test('that another program has replaced is another object', async ({ scratch }) => {
    using supervisor = await Supervisor.open(scratch.root);
    const id = scratch.newId();
    const path = await bundle(scratch, { args: ['sh', '-c', 'exit 3'] });
    const old = await supervisor.create({ id, bundle: path });
    await (await supervisor.start(id)).wait();
    const other = await Container.load(scratch.root, id);
    await other.delete();
    await Container.create({ root: scratch.root, id, bundle: path });
    const found = await supervisor.load(id);
    expect([found === old, found.key === old.key]).toEqual([false, false]);
    const rest = ['exit init', 'delete recovered', 'create recovered'];
    expect(await typesOf(supervisor)).toEqual(['create', 'start init', ...rest]);
    await (await Container.load(scratch.root, id)).delete();
    await supervisor.create({ id, bundle: path });
    await supervisor.delete(id);
    expect((await typesOf(supervisor)).slice(5)).toEqual(['delete recovered', 'create', 'delete']);
  });

  test('that another program has deleted is not there, and that is logged', async ({ scratch }) => {
    using supervisor = await Supervisor.open(scratch.root);
    const id = scratch.newId();
    await supervisor.create({ id, bundle: await bundle(scratch) });
    await (await Container.load(scratch.root, id)).delete();
    await expect(supervisor.delete(id)).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
    expect(supervisor.containers()).toEqual([]);
    expect(await typesOf(supervisor)).toEqual(['create', 'delete recovered']);
  });

  test('that was deleted is let go', async ({ scratch }) => {
    using supervisor = await Supervisor.open(scratch.root);
    const kept: WeakRef<object>[] = [];
    const play = async (): Promise<void> => {
      const id = scratch.newId();
      kept.push(new WeakRef(await supervisor.create({ id, bundle: await bundle(scratch) })));
      kept.push(new WeakRef(await supervisor.start(id)));
      await supervisor.exec(id, 'job', { args: ['true'] });
      await supervisor.delete(id);
    };
    for (let i = 0; i < 3; i++) await play();
    await until('nothing of it is kept', async () => {
      await collectGarbage();
      return kept.every((one) => one.deref() === undefined);
    });
  });
});

describe('a supervisor', () => {
  test('passes its timeoutMs to what it creates', async ({ scratch }) => {
    const gate = new GatedRuntime(scratch, ['run']);
    using supervisor = await Supervisor.open(scratch.root, { timeoutMs: 300 });
    const options = { bundle: await bundle(scratch), runtime: gate.path, runtimeArgs: gate.runtimeArgs };
    const id = scratch.newId();
    await supervisor.create({ id, ...options });
    const begin = performance.now();
    await expect(supervisor.start(id)).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    expect(performance.now() - begin).toBeLessThan(10_000);
    gate.open();
    const own = scratch.newId();
    await supervisor.create({ id: own, ...options, timeoutMs: 20_000 });
    await supervisor.start(own);
  });

  test('refuses bad options by name', async ({ scratch }) => {
    for (const timeoutMs of [0, -1, '5', NaN]) {
      const opening = Supervisor.open(scratch.root, { timeoutMs: timeoutMs as number });
      await expect(opening).rejects.toMatchObject({
        code: typeof timeoutMs === 'string' ? 'ERR_INVALID_ARG_TYPE' : 'ERR_OUT_OF_RANGE',
      });
    }
    using supervisor = await Supervisor.open(scratch.root);
    for (const signal of ['stop', {}, null]) {
      expect(() => supervisor.events({ signal: signal as never })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
    expect(() => supervisor.ack('x.tmp', 0)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
    expect(() => supervisor.events({ consumer: 'x.tmp' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });
});

/** A supervisor that has not loaded this container: it is hidden while the supervisor opens the root. */
async function openBeside(scratch: Scratch, id: string): Promise<Supervisor> {
  const hidden = join(scratch.dir, 'hidden');
  mkdirSync(hidden);
  renameSync(join(scratch.root, id), join(hidden, id));
  const supervisor = await Supervisor.open(scratch.root);
  renameSync(join(hidden, id), join(scratch.root, id));
  return supervisor;
}

describe('open(), when a container cannot be watched', () => {
  /** Three running containers in a root, and how many descriptors are open. */
  async function running(scratch: Scratch): Promise<number> {
    const one = await Supervisor.open(scratch.root);
    for (let i = 0; i < 3; i++)
      await one.start((await one.create({ id: scratch.newId(), bundle: await bundle(scratch) })).id);
    await one[Symbol.asyncDispose]();
    return openDescriptors().length;
  }

  function failingOnce(code: string): void {
    const add = Reflect.get(Monitor.prototype, 'add');
    let calls = 0;
    const spy = vi.spyOn(Monitor.prototype, 'add').mockImplementation(function (this: Monitor, ...args) {
      if (++calls === 2) throw Object.assign(new Error(code), { code });
      add.apply(this, args);
    });
    onTestFinished(() => spy.mockRestore());
  }

  test('for want of watches: all else is done', async ({ scratch }) => {
    await running(scratch);
    failingOnce('ENOSPC');
    using supervisor = await Supervisor.open(scratch.root);
    expect(supervisor.containers().map((container) => container.state())).toEqual(['running', 'running', 'running']);
  });

  test('for another reason: it fails, and leaves no descriptor open', async ({ scratch }) => {
    const descriptors = await running(scratch);
    failingOnce('EIO');
    await expect(Supervisor.open(scratch.root)).rejects.toMatchObject({ code: 'EIO' });
    await until('all are closed', () => openDescriptors().length <= descriptors);
    using supervisor = await Supervisor.open(scratch.root);
    expect(supervisor.containers()).toHaveLength(3);
  });
});
