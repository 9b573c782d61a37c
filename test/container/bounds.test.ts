/** How long a public call takes at most if its runtime hangs, and what becomes of the rest of its work. */
import { mkdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { AnsweringRuntime } from '../support/answers.js';
import { commandLineOf, processesWith, readIfThere, statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { succeeds, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

const TIMEOUT_MS = 2000;

/** The time limit of a start whose clean-up is watched: that goes on for as long again, 800 ms of it before the error. */
const START_TIMEOUT_MS = 4000;

/** The promise is a second more than the time limit; the rest is for a machine that is busy with other tests. */
const GRACE_MS = 1000 + 3000;

/** The error with which a call rejects; it fails if the call takes too long. */
async function refused(call: Promise<unknown>, timeoutMs = TIMEOUT_MS): Promise<unknown> {
  const began = performance.now();
  const error = await call.then(
    () => new Error('it did not reject'),
    (reason: unknown) => reason,
  );
  expect(performance.now() - began).toBeLessThan(timeoutMs + GRACE_MS);
  return error;
}

/** The container as a supervisor with a short time limit has it. */
async function loaded(scratch: Scratch, { container }: AnsweringRuntime, timeoutMs = TIMEOUT_MS): Promise<Container> {
  return scratch.keep(await Container.load(scratch.root, container.id, { timeoutMs }));
}

/** The runtime hangs in these commands, until heal() or the end of the test. */
function hang(scratch: Scratch, runtime: AnsweringRuntime, commands: readonly string[]): void {
  scratch.atEnd(async () => {
    heal(runtime, commands);
    await Promise.resolve();
  });
  for (const command of commands) runtime.hangs(command);
  rmSync(join(runtime.dir, 'commands'), { force: true });
}

/** The runtime hangs no more. */
function heal(runtime: AnsweringRuntime, commands: readonly string[]): void {
  for (const command of commands) rmSync(join(runtime.dir, `${command}.hang`), { force: true });
}

/** The commands that the runtime was asked, in order. */
function asked(runtime: AnsweringRuntime): string[] {
  return readIfThere(join(runtime.dir, 'commands')).trim().split('\n');
}

describe('a start whose runtime hangs', () => {
  test.for([
    ['start', 'run', ['state']],
    ['start', 'run', ['delete']],
    ['create', 'create', ['state', 'delete']],
  ] as const)('%s: the first error comes while the clean-up hangs in %s and %j', async (row, { scratch }) => {
    const [call, first, cleanUp] = row;
    const runtime = await AnsweringRuntime.make(scratch);
    const container = await loaded(scratch, runtime, START_TIMEOUT_MS);
    const second = await loaded(scratch, runtime, 50);
    if (!(cleanUp as readonly string[]).includes('state')) runtime.status('running');
    hang(scratch, runtime, [first, ...cleanUp]);
    const error = await refused(container[call](), START_TIMEOUT_MS);
    expect(error).toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    // The clean-up goes on with the lock held, in the background.
    expect(await refused(second.start())).toMatchObject({ code: 'ERR_CONTAINER_BUSY' });
    await until('the clean-up hangs', () => asked(runtime).includes(cleanUp[0]));
    expect(asked(runtime).filter((command) => command === first).length).toBe(1);
    expect(container.state()).toBe('stopped');
    heal(runtime, [first, ...cleanUp]);
    // It has a time limit too. Then the container can be started again: this waits for the lock.
    const process = await runtime.container.start();
    expect(runtime.container.processes()).toEqual([process]);
    await process.wait();
  });

  test('restore: as a start', async ({ scratch }) => {
    const runtime = await AnsweringRuntime.make(scratch);
    const container = await loaded(scratch, runtime);
    const image = scratch.mkdir('image');
    hang(scratch, runtime, ['restore', 'state']);
    const error = await refused(container.start({ checkpoint: image }));
    expect(error).toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    await until('the clean-up hangs', () => asked(runtime).includes('state'));
    heal(runtime, ['restore', 'state']);
    await until('the clean-up is over', () => container.processes().length === 0);
  });

  test('exec: its runtime is killed, the container goes on', async ({ scratch }) => {
    await AnsweringRuntime.with(scratch, async (runtime) => {
      const container = await loaded(scratch, runtime);
      hang(scratch, runtime, ['exec', 'state', 'delete']);
      const error = await refused(container.exec('e', { args: ['unused'] }));
      expect(error).toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
      // No command of the runtime is run for the clean-up of an exec.
      expect(asked(runtime)).toEqual(['exec']);
      expect(container.processes().map(({ id }) => id)).toEqual(['init']);
      heal(runtime, ['exec', 'state', 'delete']);
    });
  });
});

describe('a command that hangs', () => {
  /** What is called, the commands that hang, those that are asked, and the container's state before. */
  const rows: [string, string[], string[], (container: Container, scratch: Scratch) => Promise<unknown>][] = [
    ['status()', ['state'], ['state'], (container) => container.runtimeStatus()],
    ['pids()', ['ps'], ['ps'], (container) => container.pids()],
    ['stats()', ['events'], ['events'], (container) => container.stats()],
    ['pause()', ['pause', 'state'], ['pause'], (container) => container.pause()],
    ['pause(), in its last look', ['state'], ['pause', 'state'], (container) => container.pause()],
    ['resume()', ['resume', 'state'], ['resume'], (container) => container.resume()],
    ['updateResources()', ['update'], ['update'], (container) => container.updateResources({})],
    ['killAll(), in its first look', ['state', 'kill'], ['state'], (container) => container.killAll()],
    ['killAll()', ['kill'], ['state', 'kill'], (container) => container.killAll()],
    [
      'checkpoint()',
      ['checkpoint'],
      ['checkpoint'],
      (container, scratch) => container.checkpoint({ name: 'c' }, scratch.mkdir('checkpoints')),
    ],
    ['delete(), in its first look', ['state', 'delete'], ['state'], (container) => container.delete()],
    ['delete()', ['delete'], ['state', 'delete'], (container) => container.delete()],
  ];

  test.for(rows)('%s: one time limit for all its commands', async ([, hanging, expected, call], { scratch }) => {
    await AnsweringRuntime.with(scratch, async (runtime) => {
      const container = await loaded(scratch, runtime);
      hang(scratch, runtime, hanging);
      expect(await refused(call(container, scratch))).toMatchObject({ code: 'ERR_OCI_RUNTIME' });
      // Had each command a time limit of its own, there would be more of them.
      expect(asked(runtime)).toEqual(expected);
      heal(runtime, hanging);
    });
  });

  test.for([
    ['its last look too', ['start', 'state'], 'created'],
    ['its last look says that it runs', ['start'], 'running'],
  ] as const)('start() of a created one: %s', async ([, hanging, state], { scratch }) => {
    const runtime = await AnsweringRuntime.make(scratch);
    const created = await runtime.container.createInit({ stdio: scratch.fifos() });
    runtime.status('created');
    const container = await loaded(scratch, runtime);
    runtime.status('running');
    hang(scratch, runtime, hanging);
    expect(await refused(container.start())).toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(asked(runtime)).toEqual(['start', 'state']);
    expect(container.state()).toBe(state);
    heal(runtime, hanging);
    created.signal('SIGKILL');
    await created.wait();
  });

  test('loadAll(): one time limit for all created containers', async ({ scratch }) => {
    const runtime = await AnsweringRuntime.make(scratch);
    const count = 40;
    const all = [runtime.container];
    const { bundle, runtimeArgs, runtime: path } = runtime.container;
    while (all.length < count) {
      const id = scratch.newId();
      const args = { root: scratch.root, id, bundle, runtime: path, runtimeArgs: [...runtimeArgs] };
      all.push(scratch.keep(await Container.create(args)));
    }
    const created = await Promise.all(all.map((container) => container.createInit({ stdio: scratch.fifos() })));
    hang(scratch, runtime, ['state']);
    const began = performance.now();
    const { containers, failures } = await Container.loadAll(scratch.root, { timeoutMs: TIMEOUT_MS });
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    for (const container of containers) scratch.keep(container);
    expect(failures).toEqual([]);
    expect(containers.map((container) => container.state())).toEqual(all.map(() => 'created'));
    // A second round of commands was not begun.
    expect(asked(runtime).length).toBeLessThan(count);
    heal(runtime, ['state']);
    for (const process of created) process.signal('SIGKILL');
    await Promise.all(created.map((process) => process.wait()));
  });
});

const FREEZER = '/sys/fs/cgroup/freezer';
const canFreeze = succeeds('test', ['-w', `${FREEZER}/cgroup.procs`, '-a', '-d', FREEZER]);

describe.runIf(wantRight('a cgroup v1 freezer that may be written', canFreeze))(
  'a runtime that SIGKILL does not end',
  () => {
    test('is left behind after a moment, and reaped when it ends', async ({ scratch }) => {
      // SIGKILL ends a process in a frozen cgroup v1 only when that is thawed, like one in a system call that hangs.
      const cgroup = join(FREEZER, `outlive-test-${process.pid}`);
      mkdirSync(cgroup);
      const thaw = async (): Promise<void> => {
        writeFileSync(join(cgroup, 'freezer.state'), 'THAWED');
        await until('the cgroup is empty', () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8') === '');
      };
      try {
        await AnsweringRuntime.with(scratch, async (runtime) => {
          const container = await loaded(scratch, runtime);
          hang(scratch, runtime, ['state']);
          const failed = refused(container.runtimeStatus());
          const pid = await until('the command hangs', () => pidOf(container.id));
          writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));
          writeFileSync(join(cgroup, 'freezer.state'), 'FROZEN');
          expect(await failed).toMatchObject({ code: 'ERR_OCI_RUNTIME' });
          expect(statOf(pid)?.state).toBe('D');
          heal(runtime, ['state']);
          await thaw();
          expect(await container.runtimeStatus()).toBe('running');
        });
      } finally {
        await thaw();
        rmdirSync(cgroup);
      }
    });
  },
);

/** The pid of the runtime's command `state` of this container. */
function pidOf(id: string): number | undefined {
  return processesWith(id).find((pid) => {
    const args = commandLineOf(pid).split('\0');
    return args.includes('--log') && args.includes('state');
  });
}
