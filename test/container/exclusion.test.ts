/** Changes of one container exclude each other: objects, programs, and what a dead supervisor left at work. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { ContainerLock } from '../../src/state/lock.js';
import { Actor } from '../support/actor.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { GatedRuntime } from '../support/gated-runtime.js';
import { isGone, processesWith } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

/** A rootless runc has no cgroup that it could freeze. */
const freezes = wantRight('root, to freeze a cgroup', isRoot);

const NOT_FOUND = { code: 'ERR_CONTAINER_NOT_FOUND' };
const STILL_RUNS = { code: 'ERR_PROCESS_NOT_EXITED' };
const SLEEP = { args: ['sleep', '1000'] };

/** An object of a container, in this program or another: its methods by name. */
type Side = (method: string, ...args: unknown[]) => Promise<unknown>;

const sides = ['the same object', 'another object', 'another program'] as const;

function local(container: Container): Side {
  const methods = container as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  return async (method, ...args) => methods[method]?.(...args);
}

/** Runs `use` with a second side of the container. */
async function withSide(
  scratch: Scratch,
  container: Container,
  side: (typeof sides)[number],
  use: (other: Side) => Promise<void>,
  timeoutMs = 15_000,
): Promise<void> {
  const { id } = container;
  if (side === 'the same object') return use(local(container));
  if (side === 'another object') {
    return use(local(scratch.keep(await Container.load(scratch.root, id, { timeoutMs }))));
  }
  const actor = await Actor.start(scratch);
  await actor.load(scratch.root, id, { timeoutMs });
  await use((method, ...args) => actor.call(id, method, ...args));
}

function gatedContainer(scratch: Scratch, runtime: GatedRuntime, options = {}): Promise<Container> {
  return scratch.container(runtime.path, SLEEP, { runtimeArgs: runtime.runtimeArgs, ...options });
}

/** No process, no directory, no state of the runtime. */
async function expectNothing(scratch: Scratch, id: string, runtime?: GatedRuntime): Promise<void> {
  expect(existsSync(join(scratch.root, id))).toBe(false);
  expect(readdirSync(scratch.root)).toEqual([]);
  const left = (): number[] => processesWith(id).filter((pid) => !isGone(pid));
  await until(
    () => `no process of ${id}: ${left().join()}`,
    () => left().length === 0,
  );
  const root = runtime?.runtimeArgs[1] ?? '';
  if (existsSync(root)) expect(readdirSync(root)).toEqual([]);
}

function isLocked(scratch: Scratch, id: string): boolean {
  const lock = ContainerLock.tryTake(join(scratch.root, id));
  lock?.release();
  return lock === undefined;
}

function track(promise: Promise<unknown>): { promise: Promise<unknown>; isSettled: () => boolean } {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  return { promise, isSettled: () => settled };
}

describe.each(sides)('delete() while %s starts something', (side) => {
  test.for(['start', 'create'])('%s(): waits for it, and ends it', async (method, { scratch }) => {
    const runtime = new GatedRuntime(scratch, ['run', 'create']);
    const container = await gatedContainer(scratch, runtime);
    await withSide(scratch, container, side, async (other) => {
      const started = other(method);
      await runtime.came();
      const deleted = track(container.delete());
      await nextTurn();
      expect(deleted.isSettled()).toBe(false);
      runtime.open();
      await started;
      await deleted.promise;
    });
    await expectNothing(scratch, container.id, runtime);
  });

  test.for(['start', 'create'])('%s(): with force: false it refuses', async (method, { scratch }) => {
    const runtime = new GatedRuntime(scratch, ['run', 'create']);
    const container = await gatedContainer(scratch, runtime);
    await withSide(scratch, container, side, async (other) => {
      const started = other(method);
      await runtime.came();
      const refused = expect(container.delete({ force: false })).rejects.toMatchObject(STILL_RUNS);
      runtime.open();
      await started;
      await refused;
    });
    expect(container.state()).toBe(method === 'start' ? 'running' : 'created');
    await container.delete();
    await expectNothing(scratch, container.id, runtime);
  });

  test('exec(): waits for it, and ends it', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['exec']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    await withSide(scratch, container, side, async (other) => {
      const started = other('exec', 'job', SLEEP);
      await runtime.came();
      const deleted = track(container.delete());
      await until('delete() holds the lock', () => isLocked(scratch, container.id));
      expect(deleted.isSettled()).toBe(false);
      expect(container.state()).toBe('running');
      runtime.open();
      await started;
      await deleted.promise;
    });
    await expectNothing(scratch, container.id, runtime);
  });

  test('exec(): with force: false it refuses, also when the first process has ended', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['exec']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    await withSide(scratch, container, side, async (other) => {
      const started = other('exec', 'job', SLEEP);
      await runtime.came();
      await expect(container.delete({ force: false })).rejects.toMatchObject(STILL_RUNS);
      runtime.open();
      await started;
      await expect(container.delete({ force: false })).rejects.toMatchObject(STILL_RUNS);
    });
    await container.delete();
    await expectNothing(scratch, container.id, runtime);
  });
});

describe.each(sides)('while a delete() is under way, %s', (side) => {
  test.for(['start', 'create'])('cannot %s() it', async (method, { scratch }) => {
    const runtime = new GatedRuntime(scratch, ['delete']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    await withSide(scratch, container, side, async (other) => {
      const deleted = container.delete();
      await runtime.came();
      const refused = expect(other(method)).rejects.toMatchObject(NOT_FOUND);
      runtime.open();
      await deleted;
      await refused;
    });
    await expectNothing(scratch, container.id, runtime);
  });

  test('cannot exec() in it', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['delete']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    await withSide(scratch, container, side, async (other) => {
      const deleted = container.delete();
      await runtime.came();
      const refused = expect(other('exec', 'job', SLEEP)).rejects.toMatchObject(NOT_FOUND);
      runtime.open();
      await deleted;
      await refused;
    });
    await expectNothing(scratch, container.id, runtime);
  });

  test('deletes it too, or is told that it is gone', async ({ scratch }) => {
    for (let round = 0; round < 10; round++) {
      const container = await scratch.container('host', SLEEP);
      if (round % 2 === 0) await container.start();
      await withSide(scratch, container, side, async (other) => {
        const ends = await Promise.allSettled([container.delete(), other('delete')]);
        const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
        expect(failures.length).toBeLessThan(2);
        for (const failure of failures) expect(failure).toMatchObject(NOT_FOUND);
      });
      await expectNothing(scratch, container.id);
    }
  });
});

test('starts and deletes that cross at random leave nothing, and fail only with what they may', async ({ scratch }) => {
  const actor = await Actor.start(scratch);
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), SLEEP);
  const id = scratch.newId();
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push((error as { code?: string }).code ?? error);
  for (let round = 0; round < 30; round++) {
    const container = scratch.keep(await Container.create({ root: scratch.root, id, bundle }));
    await actor.load(scratch.root, id);
    const calls = [
      () => container.start(),
      () => actor.call(id, 'delete'),
      () => container.exec('job', SLEEP),
      () => container.delete(),
    ];
    // Another order each round, and another distance between them.
    for (let i = 0; i < round % calls.length; i++) calls.push(...calls.splice(0, 1));
    await Promise.all(
      calls.map(async (call, i) => {
        for (let turn = 0; turn < (round >> 2) * i; turn++) await nextTurn();
        await call().catch(note);
      }),
    );
    expect(readdirSync(scratch.root), `round ${round}`).toEqual([]);
  }
  await expectNothing(scratch, id);
  const allowed = ['ERR_CONTAINER_NOT_FOUND', 'ERR_CONTAINER_NOT_STARTED', 'ERR_CONTAINER_EXITED'];
  expect(failures.filter((code) => !allowed.includes(String(code)))).toEqual([]);
});

describe('an older object', () => {
  test('sees what another program started and removed since', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const { id } = container;
    await withSide(scratch, container, 'another program', async (other) => {
      expect([container.state(), container.processes()]).toEqual(['stopped', []]);
      await other('start');
      expect(container.state()).toBe('running');
      await other('exec', 'short', { args: ['true'] });
      const ids = (): string[] => container.processes().map((process) => process.id);
      expect(ids().sort()).toEqual(['init', 'short']);
      const short = container.processes().find((process) => process.id === 'short');
      expect(await short?.wait()).toMatchObject({ status: 0 });
      await other('removeProcess', 'short');
      expect(ids()).toEqual(['init']);
      await expect(container.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
      await container.exec('mine', { args: ['true'] });
      expect(await other('processes')).toEqual(['init', 'mine']);
      await other('delete');
      expect([container.state(), ids()]).toEqual(['stopped', []]);
      await expect(container.delete()).rejects.toMatchObject(NOT_FOUND);
    });
    await expectNothing(scratch, id);
  });

  test('does not start a second process of an id that another program has used', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    await container.start();
    await withSide(scratch, container, 'another program', async (other) => {
      await other('exec', 'job', SLEEP);
      await expect(container.exec('job', SLEEP)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
      await expect(container.removeProcess('job')).rejects.toMatchObject(STILL_RUNS);
    });
  });

  test('removes a process that another program started', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    await container.start();
    await withSide(scratch, container, 'another program', async (other) => {
      await other('exec', 'job', { args: ['true'] });
      await container
        .processes()
        .find(({ id }) => id === 'job')
        ?.wait();
      await container.removeProcess('job');
      expect(await other('processes')).toEqual(['init']);
      await expect(other('removeProcess', 'job')).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    });
  });

  test('that waits hears of an end even if another program has removed the process', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    await container.start();
    const job = await container.exec('job', SLEEP);
    const ended = job.wait();
    await withSide(scratch, container, 'another program', async (other) => {
      await other('delete');
      const exit = await ended;
      expect(exit.status ?? exit.lost).toBeDefined();
      expect(job.state()).toBe('stopped');
    });
  });
});

describe('a supervisor that died while the runtime was at work', () => {
  /** Its runtime waits at the gate. */
  async function orphanedStart(scratch: Scratch, command: 'run' | 'create' | 'exec', when: 'before' | 'after') {
    const runtime = new GatedRuntime(scratch, [command], { when });
    const made = await gatedContainer(scratch, runtime);
    if (command === 'exec') await made.start();
    made.close();
    const actor = await Actor.start(scratch);
    await actor.load(scratch.root, made.id);
    const call = command === 'exec' ? ['exec', 'job', SLEEP] : [command === 'run' ? 'start' : 'create'];
    actor.call(made.id, ...(call as [string])).catch(() => undefined);
    await runtime.came();
    await actor.kill();
    return { runtime, id: made.id };
  }

  const kinds = (['run', 'create', 'exec'] as const).flatMap((command) =>
    (['before', 'after'] as const).map((when) => ({ command, when })),
  );

  test.for(kinds)(
    'delete() ends it when it takes too long: $command, $when it made anything',
    async ({ command, when }, { scratch }) => {
      const { runtime, id } = await orphanedStart(scratch, command, when);
      const container = scratch.keep(await Container.load(scratch.root, id, { timeoutMs: 2000 }));
      await container.delete();
      await expectNothing(scratch, id, runtime);
      // What was at the gate is gone: nothing comes of it later.
      runtime.open();
      await expectNothing(scratch, id, runtime);
    },
  );

  test.for(kinds)('delete() waits for it: $command, $when it made anything', async ({ command, when }, { scratch }) => {
    const { runtime, id } = await orphanedStart(scratch, command, when);
    const container = scratch.keep(await Container.load(scratch.root, id));
    const deleted = container.delete();
    await until('delete() holds the lock', () => isLocked(scratch, id));
    runtime.open();
    await deleted;
    await expectNothing(scratch, id, runtime);
  });

  test.for(kinds)(
    'with force: false it is not ended: $command, $when it made anything',
    async ({ command, when }, { scratch }) => {
      const { runtime, id } = await orphanedStart(scratch, command, when);
      const container = scratch.keep(await Container.load(scratch.root, id));
      await expect(container.delete({ force: false })).rejects.toMatchObject(STILL_RUNS);
      expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
      runtime.open();
      const job = container.processes().find((process) => process.id === (command === 'exec' ? 'job' : 'init'));
      await until('it runs', () => ['running', 'created'].includes(job?.state() ?? ''));
      await container.delete();
      await expectNothing(scratch, id, runtime);
    },
  );
});

describe('a stopped program that holds the lock', () => {
  test.runIf(freezes)(
    'makes a change ERR_CONTAINER_BUSY after timeoutMs; looking and signalling go on',
    async ({ scratch }) => {
      const runtime = new GatedRuntime(scratch, ['pause']);
      const container = await gatedContainer(scratch, runtime);
      const init = await container.start();
      const { id } = container;
      const actor = await Actor.start(scratch);
      await actor.load(scratch.root, id);
      const pausing = actor.call(id, 'pause').catch(() => undefined);
      await runtime.came();
      await actor.stop();
      const hasty = scratch.keep(await Container.load(scratch.root, id, { timeoutMs: 100 }));
      const files = (): string[] => readdirSync(join(scratch.root, id), { recursive: true, encoding: 'utf8' }).sort();
      const before = files();
      const changes: [string, () => Promise<unknown>][] = [
        ['delete', () => hasty.delete()],
        ['delete, force: false', () => hasty.delete({ force: false })],
        ['start', () => hasty.start()],
        ['exec', () => hasty.exec('job', SLEEP)],
        ['removeProcess', () => hasty.removeProcess('init')],
        ['killAll', () => hasty.killAll()],
        ['pause', () => hasty.pause()],
      ];
      for (const [name, change] of changes) {
        const startMs = performance.now();
        await expect(change(), name).rejects.toMatchObject({ code: 'ERR_CONTAINER_BUSY' });
        expect(performance.now() - startMs, name).toBeGreaterThanOrEqual(99);
      }
      expect(files()).toEqual(before);
      expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
      expect(hasty.state()).toBe('running');
      init.signal(0);
      runtime.open();
      actor.continue();
      await pausing;
      await actor.kill();
      expect(hasty.state()).toBe('paused');
      await container.delete();
      await expectNothing(scratch, id, runtime);
    },
  );

  test('and dies: the next one has it at once', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['pause']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    const actor = await Actor.start(scratch);
    await actor.load(scratch.root, container.id);
    actor.call(container.id, 'pause').catch(() => undefined);
    await runtime.came();
    const deleted = container.delete();
    await actor.kill();
    await deleted;
    runtime.open();
    await expectNothing(scratch, container.id, runtime);
  });
});

test('loadAll() and cleanUp() of another program that race with deletes have no failure to tell', async ({
  scratch,
}) => {
  const observers = await Promise.all([Actor.start(scratch), Actor.start(scratch)]);
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), { args: ['true'] });
  let isOver = false;
  const observed = observers.map(async (observer, i) => {
    const found: unknown[] = [];
    while (!isOver) {
      if (i === 0) found.push(...(await observer.loadAll(scratch.root)));
      else found.push(...((await observer.cleanUp(scratch.root)) as unknown[]));
    }
    return found;
  });
  for (let round = 0; round < 25; round++) {
    const ids = [scratch.newId(), scratch.newId(), scratch.newId()];
    const containers = await Promise.all(ids.map((id) => Container.create({ root: scratch.root, id, bundle })));
    await Promise.all(
      containers.map(async (container, i) => {
        if (i > 0) await (await container.start()).wait();
        await container.delete();
      }),
    );
  }
  isOver = true;
  expect(await Promise.all(observed)).toEqual([[], []]);
});

describe('execs stay parallel', () => {
  test('those of one object and of another program are at work at the same time', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['exec']);
    const container = await gatedContainer(scratch, runtime);
    await container.start();
    await withSide(scratch, container, 'another program', async (other) => {
      const mine = Array.from({ length: 6 }, (_, i) => container.exec(`mine-${i}`, SLEEP));
      const others = Array.from({ length: 2 }, (_, i) => other('exec', `other-${i}`, SLEEP));
      // None of the eight is let go before all have come: if one waited for another, they never would.
      await runtime.came(8);
      expect(isLocked(scratch, container.id)).toBe(false);
      runtime.open();
      await Promise.all([...mine, ...others]);
    });
    expect(container.processes()).toHaveLength(9);
    await container.delete();
    await expectNothing(scratch, container.id, runtime);
  });

  test('one that fails takes its claim back, and its id can be used again', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    await container.start();
    await withSide(scratch, container, 'another program', async (other) => {
      await expect(container.exec('job', { args: ['/no/such/program'] })).rejects.toMatchObject({
        code: 'ERR_OCI_RUNTIME',
      });
      expect(await other('processes')).toEqual(['init']);
      expect(existsSync(join(scratch.root, container.id, 'job'))).toBe(false);
      await other('exec', 'job', SLEEP);
      await expect(container.exec('job', SLEEP)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    });
  });
});
