/** Two-phase start: create() makes a process that waits; start() runs its program, also from another supervisor. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { killShim } from '../support/shims.js';
import { expectNothingLeft, fakeContainer } from '../support/fake-runtime.js';
import { writeContainerBundle } from '../support/bundles.js';
import { AnsweringRuntime } from '../support/answers.js';
import { isGone, processesWith } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

const sh = (script: string): { args: string[] } => ({ args: ['sh', '-c', script] });

/** The container and its first process as another supervisor loads them. */
async function loaded(scratch: Scratch, { id }: Container): Promise<{ other: Container; init: Process }> {
  const other = scratch.keep(await Container.load(scratch.root, id));
  const [init] = other.processes();
  if (init === undefined) throw new Error('no process');
  return { other, init };
}

describe.each(runtimes)('%s', (runtime) => {
  test('create() makes the process, start() lets its program run, and the status is exact', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('echo ran; exit 7'));
    const process = await container.createInit({ stdio: scratch.fifos() });
    expect(process.id).toBe('init');
    expect(process.systemPid).toBeGreaterThan(1);
    expect(existsSync(`/proc/${process.systemPid}`)).toBe(true);
    expect(process.state()).toBe('created');
    expect(container.state()).toBe('created');
    expect(await container.runtimeStatus()).toBe('created');
    expect(container.processes()).toEqual([process]);
    expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_NOT_EXITED' }));
    const pid = process.systemPid;
    await process.start();
    expect(await text(process.openStdout())).toBe('ran\n');
    expect(await process.wait()).toMatchObject({ status: 7 });
    expect(process.systemPid).toBe(pid);
    expect(process.state()).toBe('stopped');
  });

  test('container.start() lets a created one run; a second start, another create or other stdio is refused', async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, sh('read x; exit 3'));
    const refused = { code: 'ERR_INVALID_STATE' };
    const process = await container.createInit({ stdio: scratch.fifos() });
    await expect(container.createInit()).rejects.toMatchObject(refused);
    await expect(container.start({ stdio: scratch.fifos() })).rejects.toMatchObject(refused);
    expect(process.state()).toBe('created');
    expect(await container.start()).toBe(process);
    expect(process.state()).toBe('running');
    await expect(process.start()).rejects.toMatchObject(refused);
    await expect(container.start()).rejects.toMatchObject(refused);
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 3 });
    await expect(process.start()).rejects.toMatchObject(refused);
  });

  test('after a reload it is still created, and every supervisor sees that another one started it', async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, sh('read x; exit 4'));
    const process = await container.createInit({ stdio: scratch.fifos() });
    const { other, init } = await loaded(scratch, container);
    expect(init.state()).toBe('created');
    expect(init.systemPid).toBe(process.systemPid);
    await other.start();
    expect([init.state(), process.state(), container.state()]).toEqual(['running', 'running', 'running']);
    await expect(process.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect((await loaded(scratch, container)).init.state()).toBe('running');
    process.closeStdin();
    expect(await Promise.all([init.wait(), process.wait()])).toMatchObject([{ status: 4 }, { status: 4 }]);
    expect((await loaded(scratch, container)).init.state()).toBe('stopped');
  });

  test('started by a supervisor that died before it recorded that: a load finds out', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('read x; exit 5'));
    const process = await container.createInit({ stdio: scratch.fifos() });
    const { init: before } = await loaded(scratch, container);
    await process.start();
    const mark = join(scratch.root, container.id, 'init', 'started');
    expect(statSync(mark).mode & 0o777).toBe(0o600);
    rmSync(mark);
    // A supervisor that had loaded it before learns it from the runtime, whose start fails.
    await expect(before.start()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(before.state()).toBe('running');
    rmSync(mark);
    expect((await loaded(scratch, container)).init.state()).toBe('running');
    expect(existsSync(mark)).toBe(true);
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 5 });
  });

  test('a terminal: output after start() arrives', async ({ scratch }) => {
    const container = await scratch.container(runtime, { ...sh('echo on a tty; tty; exit 6'), terminal: true });
    const process = await container.createInit({ stdio: scratch.fifos(true) });
    expect(process.state()).toBe('created');
    const stdout = text(process.openStdout());
    await process.start();
    expect(await process.wait()).toMatchObject({ status: 6 });
    expect(await stdout).toContain('on a tty\r\n');
  });

  test('killed before start(): status 137, and start() then fails', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('exit 0'));
    const process = await container.createInit();
    process.signal('SIGKILL');
    expect(await process.wait()).toMatchObject({ status: 137 });
    expect(process.state()).toBe('stopped');
    await expect(process.start()).rejects.toMatchObject({ code: 'ERR_PROCESS_EXITED' });
    await expect(container.exec('more', sh('exit 0'))).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXITED' });
    expect(await container.runtimeStatus()).toBe('stopped');
  });

  test('delete() of a created container ends it and leaves nothing', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('exit 0'));
    const process = await container.createInit();
    await expect(container.delete({ force: false })).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    const ended = process.wait();
    await container.delete();
    expect(await ended).toMatchObject({ status: 137 });
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    await until('no process left', () => processesWith(container.id).length === 0);
  });

  test('a shim that dies with a created process: the exit is lost, and the waiting process is ended', async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, sh('exit 0'));
    const process = await container.createInit();
    const pid = process.systemPid;
    await killShim(scratch, container.id);
    expect(await process.wait()).toMatchObject({ status: undefined });
    await until('its end', () => isGone(pid));
    await container.delete();
  });

  test('a missing program fails at create(), and leaves nothing', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['/no/such/program'] });
    await expect(container.createInit()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: expect.stringContaining('/no/such/program') as string,
    });
    expect(container.processes()).toEqual([]);
    expect(existsSync(join(scratch.root, container.id, 'init'))).toBe(false);
    expect(processesWith(container.id)).toEqual([]);
  });

  test('exec in a created container runs beside the waiting process', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('exit 8'));
    const process = await container.createInit();
    const more = await container.exec('more', sh('exit 9'));
    expect(await more.wait()).toMatchObject({ status: 9 });
    expect(process.state()).toBe('created');
    await process.start();
    expect(await process.wait()).toMatchObject({ status: 8 });
  });

  // A rootless runtime has no cgroup to freeze.
  if (isRoot || runtime === 'host')
    test('a paused process starts only after resume()', async ({ scratch }) => {
      const container = await scratch.container(runtime, sh('read x; exit 2'));
      const process = await container.createInit({ stdio: scratch.fifos() });
      await container.pause();
      expect(process.state()).toBe('paused');
      await container.resume();
      expect(process.state()).toBe('created');
      await process.start();
      process.closeStdin();
      expect(await process.wait()).toMatchObject({ status: 2 });
    });
});

if (runtimes.includes('host'))
  test('host: a program that is removed after create() makes start() fail with the reason', async ({ scratch }) => {
    const program = join(scratch.mkdir('bin'), 'program');
    writeFileSync(program, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const container = await scratch.container('host', { args: [program] });
    const process = await container.createInit();
    rmSync(program);
    await expect(process.start()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: expect.stringMatching(/^oci runtime error: start: .*no such file or directory/i) as string,
    });
    // The process has ended by then, with a status that is not the program's.
    expect((await process.wait()).status).not.toBe(0);
    expect(process.state()).toBe('stopped');
  });

test('a create() that hangs is ended after timeoutMs, and leaves nothing', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'hang', 'exit 0', { timeoutMs: 500 });
  await expect(container.createInit()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
  await expectNothingLeft(scratch, container);
});

test('a start that the runtime refuses leaves the container created; a second try works', async ({ scratch }) => {
  const runtime = await AnsweringRuntime.make(scratch);
  const { container } = runtime;
  runtime.status('created');
  const process = await container.createInit({ stdio: scratch.fifos() });
  try {
    runtime.fails('start', 'a hook failed');
    await expect(process.start()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: 'oci runtime error: start: a hook failed',
    });
    expect(process.state()).toBe('created');
    rmSync(join(runtime.dir, 'start.error'));
    await process.start();
    expect(process.state()).toBe('running');
    expect(runtime.argv('start')).toEqual(['start', container.id]);
  } finally {
    process.signal('SIGKILL');
    expect(await process.wait()).toMatchObject({ status: 137 });
  }
});

/**
 * The runtime, whose `start` lets the program run and goes on when that has ended and its container is deleted: the real
 * one may be as slow. What it says then is the runtime's own.
 */
function slowStart(scratch: Scratch, runtime: string): { path: string; args: string[] } {
  const path = join(scratch.dir, `slow-${runtime}`);
  const root = join(scratch.dir, 'slow-state');
  const script = `#!/bin/sh
for id; do :; done
for word; do
  if [ "$word" = start ]; then
    # As the runtime does: the program waits until somebody has read this.
    cat "${root}/$id/exec.fifo" >/dev/null
    while [ ! -e "${scratch.root}/$id/init/exitStatus" ]; do sleep 0.01; done
  fi
done
exec ${runtime} "$@"
`;
  writeFileSync(path, script, { mode: 0o700 });
  return { path, args: ['--root', root] };
}

describe.each(runtimes.filter((name) => name === 'runc'))('a slow start of a short program under %s', (runtime) => {
  async function created(scratch: Scratch): Promise<{ container: Container; init: Process }> {
    const { path, args } = slowStart(scratch, runtime);
    const bundle = writeContainerBundle(scratch.mkdir('bundle'), runtime, sh('exit 7'), { rootless: !isRoot });
    const options = { root: scratch.root, id: scratch.newId(), bundle, runtime: path, runtimeArgs: args };
    const container = scratch.keep(await Container.create(options));
    return { container, init: await container.createInit() };
  }

  test('resolves: a recorded exit counts as started', async ({ scratch }) => {
    const { container, init } = await created(scratch);
    await init.start();
    expect(await init.wait()).toMatchObject({ status: 7 });
    await expect(init.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await container.delete();
  });

  test('so does container.start(), of another supervisor too', async ({ scratch }) => {
    const { container, init } = await created(scratch);
    const { other } = await loaded(scratch, container);
    const started = await other.start();
    expect(await started.wait()).toMatchObject({ status: 7 });
    expect(await init.wait()).toMatchObject({ status: 7 });
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });

  test('both in one: delete() that comes meanwhile waits, and leaves nothing', async ({ scratch }) => {
    const { container, init } = await created(scratch);
    const [started] = await Promise.all([init.start().then(() => 'started'), container.delete()]);
    expect(started).toBe('started');
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    expect(processesWith(container.id)).toEqual([]);
  });
});
