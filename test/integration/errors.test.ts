/**
 * docs/errors.md: each row of its tables is a test here, with the same words, on each runtime. The names in a row's input
 * are those of the README's examples: `container`, `process`, `supervisor`.
 */
import { chmodSync, cpSync, mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test as plain, vi } from 'vitest';
import { Container, Monitor, type Process, Supervisor, find, run, writeHostBundle } from '../../src/index.js';
import { ContainerLock } from '../../src/state/lock.js';
import { AnsweringRuntime } from '../support/answers.js';
import { rowsBelow, textFile } from '../support/error-page.js';
import { fakeContainer, processDir, shimPid } from '../support/fake-runtime.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, succeeds, want } from '../support/strict.js';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SLEEP = { args: ['sleep', '1000'] };
const TRUE = { args: ['true'] };

/** What a row's input does: it throws, or its promise rejects. */
type Input = (scratch: Scratch, runtime: string) => unknown;

async function running(scratch: Scratch, runtime: string): Promise<{ container: Container; process: Process }> {
  const container = await scratch.container(runtime, SLEEP);
  return { container, process: await container.start({ stdio: scratch.fifos() }) };
}

async function ended(scratch: Scratch, runtime: string): Promise<{ container: Container; process: Process }> {
  const started = await running(scratch, runtime);
  started.process.signal('SIGKILL');
  await started.process.wait();
  return started;
}

/** A container with options of `Container.create()`, started. */
async function starting(scratch: Scratch, runtime: string, options: object): Promise<unknown> {
  return (await scratch.container(runtime, TRUE, options)).start();
}

/** Whether a test may refuse system calls to a program. */
const canRefuse = want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true']));

/** Each code of the library, and inputs that give it; false: not possible here. */
const LIBRARY: [code: string, input: string, Input, isPossible?: boolean][] = [
  [
    'ERR_PROCESS_NOT_EXITED',
    '`process.exitStatus()` while it runs',
    async (s, r) => (await running(s, r)).process.exitStatus(),
  ],
  [
    'ERR_PROCESS_NOT_EXITED',
    '`container.delete({ force: false })` while a process runs',
    async (s, r) => (await running(s, r)).container.delete({ force: false }),
  ],
  [
    'ERR_PROCESS_NOT_EXITED',
    '`container.removeProcess()` of one that runs',
    async (s, r) => (await running(s, r)).container.removeProcess('init'),
  ],
  [
    'ERR_PROCESS_NOT_EXITED',
    '`process.remove()` while it runs',
    async (s, r) => (await running(s, r)).process.remove(),
  ],
  [
    'ERR_PROCESS_EXITED',
    '`process.signal()` after its end',
    async (s, r) => (await ended(s, r)).process.signal('SIGTERM'),
  ],
  [
    'ERR_PROCESS_EXITED',
    '`process.resize()` after its end',
    async (s, r) => (await ended(s, r)).process.resize(80, 24),
  ],
  [
    'ERR_PROCESS_EXITED',
    '`process.closeStdin()` after its end',
    async (s, r) => (await ended(s, r)).process.closeStdin(),
  ],
  [
    'ERR_PROCESS_EXITED',
    '`process.openStdin()` after its end',
    async (s, r) => (await ended(s, r)).process.openStdin(),
  ],
  [
    'ERR_PROCESS_EXITED',
    '`process.output()` after `container.delete()`',
    async (s, r) => {
      const process = await (await s.container(r, TRUE)).start({ stdio: { stdout: 'log' } });
      await process.container.delete();
      return process.output();
    },
  ],
  ['ERR_EXIT_STATUS_LOST', '`process.exitStatus()` after its shim was killed', exitStatusAfterShimDeath],
  [
    'ERR_CONTAINER_NOT_STARTED',
    '`container.pause()` before `start()`',
    async (s, r) => (await s.container(r, TRUE)).pause(),
  ],
  [
    'ERR_CONTAINER_NOT_STARTED',
    '`container.start()` on a runtime that fails and logs nothing, as `/bin/false`',
    (s, r) => starting(s, r, { runtime: '/bin/false' }),
  ],
  [
    'ERR_CONTAINER_START_TIMEOUT',
    '`container.start()` on a runtime that takes longer than `timeoutMs`',
    async (s) => (await fakeContainer(s, 'hang', '', { timeoutMs: 300 })).start(),
  ],
  [
    'ERR_CONTAINER_EXISTS',
    '`Container.create()` with the id of another one',
    async (s, r) => {
      const { id, bundle } = await s.container(r, TRUE);
      return Container.create({ root: s.root, id, bundle });
    },
  ],
  [
    'ERR_CONTAINER_EXISTS',
    '`run()` with the `id` of another one',
    async (s, r) => run(['true'], { root: s.root, id: (await s.container(r, TRUE)).id }),
  ],
  ['ERR_CONTAINER_NOT_FOUND', '`find()` with an unknown id', (s) => find('unknown', { root: s.root })],
  ['ERR_CONTAINER_NOT_FOUND', '`Container.load()` with an unknown id', (s) => Container.load(s.root, 'none')],
  [
    'ERR_CONTAINER_NOT_FOUND',
    '`container.start()` after its `delete()`',
    async (s, r) => {
      const container = await s.container(r, TRUE);
      await container.delete();
      return container.start();
    },
  ],
  [
    'ERR_CONTAINER_EXITED',
    '`container.exec()` after the end of its first process',
    async (s, r) => (await ended(s, r)).container.exec('one', TRUE),
  ],
  [
    'ERR_CONTAINER_BUSY',
    '`container.start()` while another program changes it for longer than `timeoutMs`',
    startOfLocked,
  ],
  [
    'ERR_NOT_INSTALLED',
    '`container.start()` with a `runtime` that is not on PATH',
    (s, r) => starting(s, r, { runtime: 'no-such-runtime' }),
  ],
  [
    'ERR_NOT_INSTALLED',
    '`container.start()` with a `shim` that does not exist',
    (s, r) => starting(s, r, { shim: '/no/such/shim' }),
  ],
  [
    'ERR_SHIM',
    '`container.start()` with a `stdio` path that cannot be opened',
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdout: '/no/such/dir/out' } }),
  ],
  [
    'ERR_OCI_RUNTIME',
    '`container.start()` of a program that does not exist',
    async (s, r) => (await s.container(r, { args: ['/no/such'] })).start(),
  ],
  [
    'ERR_OCI_RUNTIME',
    '`container.start()` with a `runtime` that is no program (`cause`: ENOEXEC)',
    async (s, r) => starting(s, r, { runtime: textFile(s) }),
  ],
  ['ERR_CHECKPOINT_EXISTS', '`container.checkpoint()` with a name in use', checkpointTwice],
  [
    'ERR_CHECKPOINT_NOT_EXISTS',
    '`container.start({ checkpoint })` with an unknown name',
    async (s, r) => (await s.container(r, TRUE)).start({ checkpoint: 'none' }),
  ],
  ['ERR_EVENTS_DROPPED', '`supervisor.events({ since })` of an event that is not kept any more', droppedEvents],
  ['ERR_OCI_RUNTIME', '`run()` of a program that does not exist', (s) => run(['/no/such/program'], { root: s.root })],
  [
    'ERR_INVALID_STATE',
    '`run()` with a `root` that others may write to',
    (s) => {
      chmodSync(s.root, 0o777);
      return run(['true'], { root: s.root });
    },
  ],
  [
    'ERR_INVALID_STATE',
    '`container.start()` of a started one',
    async (s, r) => (await running(s, r)).container.start({ labels: [] }),
  ],
  [
    'ERR_INVALID_STATE',
    '`process.output()` of one whose output goes to no log',
    async (s, r) => (await running(s, r)).process.output(),
  ],
  [
    'ERR_INVALID_STATE',
    '`process.attach()` of one whose output goes to no log',
    async (s, r) => (await running(s, r)).process.attach(),
  ],
  [
    'ERR_INVALID_STATE',
    '`container.start({ stdio, log: { dir } })` with a directory that is not empty',
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdout: 'log' }, log: { dir: s.dir } }),
  ],
  [
    'ERR_INVALID_STATE',
    '`Container.load()` of one whose state.json is broken',
    async (s, r) => {
      const { id } = await s.container(r, TRUE);
      writeFileSync(join(s.root, id, 'state.json'), '{');
      return Container.load(s.root, id);
    },
  ],
  [
    'ERR_INVALID_STATE',
    '`supervisor.create()`, `get()`, `start()` … after `close()`',
    async (s) => {
      const supervisor = await Supervisor.open(s.root);
      supervisor.close();
      return supervisor.get('any');
    },
  ],
  ['ERR_SCOPE_UNAVAILABLE', "`container.start()` with `scope: 'systemd'`, and systemd refuses", startInNoScope],
  [
    'ERR_LIMITS_UNAVAILABLE',
    '`container.start()` on `host` with a limit in `resources` that cgroup v2 lacks',
    async (s) => {
      const resources = { unified: { 'nothing.max': '1' } };
      return (await s.container('host', { ...TRUE, resources }, { scope: 'none' })).start();
    },
  ],
  ['ERR_WORKING_DIRECTORY', '`Container.load()` with a relative root in a directory that was removed', loadInRemoved],
  [
    'ERR_UNSUPPORTED_SYSTEM',
    '`Container.load()` in a sandbox that refuses pidfd_open(2)',
    loadWithoutPidfds,
    canRefuse,
  ],
  ['ERR_NATIVE_LOAD', 'a call where the addon was not built', callWithoutAddon],
];

/** Arguments that are refused before anything happens. */
const ARGUMENTS: [code: string, input: string, Input][] = [
  ['ERR_INVALID_ARG_TYPE', '`Container.create(null)`', () => Container.create(null as never)],
  ['ERR_INVALID_ARG_TYPE', '`Container.load(root, id, null)`', (s) => Container.load(s.root, 'a', null as never)],
  [
    'ERR_INVALID_ARG_TYPE',
    '`container.start(null)`',
    async (s, r) => (await s.container(r, TRUE)).start(null as never),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`container.create(5)`',
    async (s, r) => (await s.container(r, TRUE)).createInit(5 as never),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    "`container.exec('one', null)`",
    async (s, r) => (await running(s, r)).container.exec('one', null as never),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    "`container.exec('one', spec, null)`",
    async (s, r) => (await running(s, r)).container.exec('one', TRUE, null as never),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`container.delete(null)`',
    async (s, r) => (await s.container(r, TRUE)).delete(null as never),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`process.wait({ signal: {} })`',
    async (s, r) => (await running(s, r)).process.wait({ signal: {} as never }),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`supervisor.events({ signal: {} })`',
    async (s) => {
      using supervisor = await Supervisor.open(s.root);
      return supervisor.events({ signal: {} as never });
    },
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`monitor.add(container, null)`',
    async (s, r) => {
      using monitor = new Monitor();
      monitor.add(await s.container(r, TRUE), null as never);
    },
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    "`container.start({ stdio: 'pipe' })`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: 'pipe' as never }),
  ],
  [
    'ERR_INVALID_ARG_TYPE',
    '`container.start({ stdio: { stdout: 1 } })`',
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdout: 1 as never } }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.start({ stdio: { stdOut: '/tmp/out' } })`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdOut: '/tmp/out' } as never }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.start({ stdio: { stdout: 'ingore' } })`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdout: 'ingore' } }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.start({ stdio: { stdin: 'log' } })`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdin: 'log' } }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.start({ log: {} })`, and no stream is `'log'`",
    async (s, r) => (await s.container(r, TRUE)).start({ log: {} }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`process.output({ from })` with a cursor of another process',
    async (s, r) => {
      const process = await (await s.container(r, TRUE)).start({ stdio: { stdout: 'log' } });
      return process.output({ from: 'another.0.0.0.0' });
    },
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.start({ stdout: '/tmp/out' })`, without `stdio`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdout: '/tmp/out' } as never),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`Container.create({ id: '../up' })`",
    (s) => Container.create({ root: s.root, id: '../up', bundle: s.dir }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`Container.create()` with a lone surrogate in `labels`',
    (s) => Container.create({ root: s.root, id: 'a', bundle: s.dir, labels: ['\ud800'] }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`Container.create()` of a bundle whose config.json is broken',
    (s) => {
      writeFileSync(join(s.dir, 'config.json'), '{');
      return Container.create({ root: s.root, id: 'a', bundle: s.dir });
    },
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`container.exec()` with a null byte in `args`',
    async (s, r) => (await running(s, r)).container.exec('one', { args: ['echo', 'a\0b'] }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`container.exec()` with a lone surrogate in `env`',
    async (s, r) => (await running(s, r)).container.exec('one', { ...TRUE, env: { A: '\udc00' } }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    "`container.exec('one', { args, environment: {} })`",
    async (s, r) => (await running(s, r)).container.exec('one', { ...TRUE, environment: {} } as { args: string[] }),
  ],
  [
    'ERR_INVALID_ARG_VALUE',
    '`writeHostBundle(dir, { args, environment: [] })`',
    (s) => writeHostBundle(s.dir, { ...TRUE, environment: [] } as { args: string[] }),
  ],
  [
    'ERR_OUT_OF_RANGE',
    '`Container.create({ timeoutMs: 0 })`',
    (s) => Container.create({ root: s.root, id: 'a', bundle: s.dir, timeoutMs: 0 }),
  ],
  [
    'ERR_OUT_OF_RANGE',
    '`Container.load(root, id, { timeoutMs: -1 })`',
    (s) => Container.load(s.root, 'a', { timeoutMs: -1 }),
  ],
  [
    'ERR_OUT_OF_RANGE',
    '`Container.loadAll(root, { timeoutMs: 1.5 })`',
    (s) => Container.loadAll(s.root, { timeoutMs: 1.5 }),
  ],
  [
    'ERR_OUT_OF_RANGE',
    '`Supervisor.open(root, { timeoutMs: NaN })`',
    (s) => Supervisor.open(s.root, { timeoutMs: NaN }),
  ],
  [
    'ERR_OUT_OF_RANGE',
    "`container.start({ stdio: { stdout: 'log' }, log: { maxBytes: 1 } })`",
    async (s, r) => (await s.container(r, TRUE)).start({ stdio: { stdout: 'log' }, log: { maxBytes: 1 } }),
  ],
  ['ERR_OUT_OF_RANGE', '`process.resize(0, 24)`', async (s, r) => (await running(s, r)).process.resize(0, 24)],
  ['ERR_OUT_OF_RANGE', '`new Monitor({ maxPending: 0 })`', () => new Monitor({ maxPending: 0 })],
];

async function exitStatusAfterShimDeath(scratch: Scratch, runtime: string): Promise<unknown> {
  const { container, process } = await running(scratch, runtime);
  globalThis.process.kill(shimPid(processDir(scratch, container)), 'SIGKILL');
  await process.wait();
  return process.exitStatus();
}

async function startOfLocked(scratch: Scratch, runtime: string): Promise<unknown> {
  const container = await scratch.container(runtime, TRUE, { timeoutMs: 100 });
  const lock = ContainerLock.tryTake(join(scratch.root, container.id));
  try {
    return await container.start();
  } finally {
    lock?.release();
  }
}

async function checkpointTwice(scratch: Scratch): Promise<unknown> {
  let error: unknown;
  await AnsweringRuntime.with(scratch, async ({ container }) => {
    await container.checkpoint({ name: 'one' });
    error = await container.checkpoint({ name: 'one' }).catch((reason: unknown) => reason);
  });
  throw error;
}

async function droppedEvents(scratch: Scratch, runtime: string): Promise<unknown> {
  const { bundle } = await scratch.container(runtime, TRUE);
  using supervisor = await Supervisor.open(scratch.root, { segmentBytes: 1, maxLogBytes: 0 });
  for (let i = 0; i < 3; i++) await supervisor.create({ id: scratch.newId(), bundle, runtime });
  return supervisor.events({ since: 0 });
}

/** On a systemd-run that fails, for a user who has a manager. */
async function startInNoScope(scratch: Scratch, runtime: string): Promise<unknown> {
  const manager = scratch.mkdir('runtime-dir');
  mkdirSync(join(manager, 'systemd'));
  writeFileSync(join(manager, 'systemd/private'), '');
  vi.stubEnv('PATH', `${join(repository, 'test/fixtures/systemd')}:${process.env.PATH}`);
  vi.stubEnv('XDG_RUNTIME_DIR', manager);
  try {
    const runtimeEnv = { FAKE_NOTES: '/dev/null', FAKE_ANSWER: 'refused' };
    return await starting(scratch, runtime, { scope: 'systemd', runtimeEnv });
  } finally {
    vi.unstubAllEnvs();
  }
}

async function loadInRemoved(scratch: Scratch): Promise<unknown> {
  const [home, dir] = [process.cwd(), scratch.mkdir('cwd')];
  process.chdir(dir);
  try {
    rmdirSync(dir);
    return await Container.load('state', 'a');
  } finally {
    process.chdir(home);
  }
}

async function loadWithoutPidfds(scratch: Scratch, runtime: string): Promise<unknown> {
  const { id, bundle } = await scratch.container(runtime, TRUE);
  const refuse = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=pidfd_open', '-e', 'inject=pidfd_open:error=EPERM'];
  const fixture = join(repository, 'test/fixtures/refused.mjs');
  const args = [...refuse, process.execPath, fixture, scratch.root, id, bundle];
  const { seen } = JSON.parse(execFileSync('strace', args, { encoding: 'utf8' })) as { seen: { load: object } };
  throw Object.assign(new Error(), seen.load);
}

function callWithoutAddon(scratch: Scratch): unknown {
  const copy = scratch.mkdir('package');
  for (const name of ['dist', 'package.json']) cpSync(join(repository, name), join(copy, name), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
  const script = `const { Container } = await import('${copy}/dist/index.js');
    await Container.load('/tmp', 'none').catch(({ code }) => process.stdout.write(code))`;
  throw Object.assign(new Error(), {
    code: execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
  });
}

/** The error of an input; fails if it has none. */
async function errorOf(act: () => unknown): Promise<Error & { code?: string; cause?: unknown }> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('no error');
}

plain('the page has exactly the rows that are tested here', () => {
  const listed = (rows: typeof LIBRARY): string[][] => rows.map(([code, input]) => [`\`${code}\``, input]);
  expect(rowsBelow('Codes of the library')).toEqual(listed(LIBRARY));
  expect(rowsBelow('Bad arguments')).toEqual(listed(ARGUMENTS));
});

plain('it has every code of the library', () => {
  const source = readFileSync(join(repository, 'src', 'base', 'errors.ts'), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '(ERR_\w+)'/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(10);
  expect([...new Set(LIBRARY.map(([code]) => code))].sort()).toEqual(codes.sort());
});

describe.for(runtimes)('%s', (runtime) => {
  test.for(LIBRARY)('%s: %s', async ([code, , input, isPossible = true], { scratch, skip }) => {
    skip(!isPossible);
    const error = await errorOf(() => input(scratch, runtime));
    expect(error).toMatchObject({ code });
  });

  test.for(ARGUMENTS)('%s: %s', async ([code, , input], { scratch }) => {
    const error = await errorOf(() => input(scratch, runtime));
    expect(error).toMatchObject({ code });
  });
});
