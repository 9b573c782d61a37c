/** A main thread that has ended makes /proc say Z of its process. The process has ended when its last thread has. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { identify, isRunning, signalProcess } from '../../src/kernel/identity.js';
import { writeTestBundle, runtimeArgs } from '../support/bundles.js';
import { noProcessLeft, processDir, shimPid } from '../support/fake-runtime.js';
import { statOf } from '../support/proc.js';
import { leftCgroups } from '../support/remains.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { nativeExecutable } from '../../src/posix/index.js';

/** A rootless runc has no cgroup that it could freeze. */
const freezes = wantRight('root, to freeze a cgroup', isRoot);

const PROGRAM = nativeExecutable('outlive-shim').replace('outlive-shim', 'outlive-test-zombie-leader');

/**
 * A container whose process has such a main thread by now. It ends with 9 when its stdin is closed, which the end of its shim
 * does too; with the argument `stay` it does not end by itself.
 */
async function start(
  scratch: Scratch,
  runtime: string,
  ...args: readonly string[]
): Promise<{ container: Container; init: Process }> {
  const isHost = runtime === 'host';
  const program = isHost ? PROGRAM : '/bin/leader';
  const bundle = await writeTestBundle(scratch.mkdir('bundle'), runtime, { args: [program, ...args] });
  if (!isHost) copyFileSync(PROGRAM, join(bundle, 'rootfs/bin/leader'));
  const container = scratch.keep(
    await Container.create({
      ...{ root: scratch.root, id: scratch.newId(), bundle, runtime },
      runtimeArgs: runtimeArgs(runtime, scratch.dir),
    }),
  );
  const init = await container.start({ stdio: scratch.fifos() });
  await until('its main thread has ended', () => statOf(init.systemPid)?.state === 'Z');
  return { container, init };
}

describe.each(runtimes)('%s', (runtime) => {
  test('it runs: state, signal 0, identity, a second supervisor', async ({ scratch }) => {
    const { container, init } = await start(scratch, runtime);
    expect([init.state(), container.state(), init.hasEnded]).toEqual(['running', 'running', false]);
    init.signal(0);
    const identity = identify(init.systemPid);
    if (identity === undefined) throw new Error('no identity');
    expect(isRunning(identity)).toBe(true);
    signalProcess(identity, 0);
    const other = scratch.keep(await Container.load(scratch.root, container.id));
    expect(other.state()).toBe('running');
    other.processes()[0]?.signal(0);
    await expect(other.delete({ force: false })).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
  });

  test('its exit status is that of the thread that ended it', async ({ scratch }) => {
    const { container, init } = await start(scratch, runtime);
    const ended = init.wait();
    init.closeStdin();
    expect(await ended).toMatchObject({ status: 9, record: { code: 9, signal: null } });
    expect(init.state()).toBe('stopped');
    await container.delete();
  });

  test('a signal ends it', async ({ scratch }) => {
    const { init } = await start(scratch, runtime);
    init.signal('SIGTERM');
    // Under a runtime with pid namespaces it is the namespace's pid 1, which no unhandled signal but SIGKILL ends.
    if (runtime !== 'host') init.signal('SIGKILL');
    expect(await init.wait()).toMatchObject({ status: runtime === 'host' ? 143 : 137 });
  });

  test('delete() ends it and leaves nothing', async ({ scratch }) => {
    const { container, init } = await start(scratch, runtime);
    await container.delete();
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    expect(statOf(init.systemPid)).toBeUndefined();
    await noProcessLeft(container);
    expect(leftCgroups([container.id], scratch.madeMs)).toEqual([]);
  });

  test('if its end is lost, it is ended and leaves nothing', async ({ scratch }) => {
    const { container, init } = await start(scratch, runtime, 'stay');
    process.kill(shimPid(processDir(scratch, container)), 'SIGKILL');
    expect(await init.wait()).toMatchObject({ status: undefined });
    await noProcessLeft(container);
    await until('the clean-up is over', () => leftCgroups([container.id], scratch.madeMs).length === 0);
  });

  test.runIf(runtime === 'host' || freezes)('killAll() ends it', async ({ scratch }) => {
    const { container, init } = await start(scratch, runtime);
    await container.killAll();
    expect(await init.wait()).toMatchObject({ status: 137 });
  });
});

// runc 1.1 itself takes it for stopped: its `state` says so, and its `exec` and `pause` refuse.
describe('host', () => {
  test('exec() works beside it', async ({ scratch }) => {
    const { container } = await start(scratch, 'host');
    const job = await container.exec('job', { args: ['sh', '-c', 'exit 4'] });
    expect(await job.wait()).toMatchObject({ status: 4 });
  });

  test('status() says running', async ({ scratch }) => {
    const { container } = await start(scratch, 'host');
    expect(await container.runtimeStatus()).toBe('running');
  });

  test('pids() has it', async ({ scratch }) => {
    const { container, init } = await start(scratch, 'host');
    expect(await container.pids()).toContain(init.systemPid);
  });

  test('pause() and resume() reach its other threads', async ({ scratch }) => {
    const { container, init } = await start(scratch, 'host');
    await container.pause();
    expect(container.state()).toBe('paused');
    await container.resume();
    expect(container.state()).toBe('running');
    init.closeStdin();
    expect(await init.wait()).toMatchObject({ status: 9 });
  });

  test('an exec of it counts like any other', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    await container.start();
    const job = await container.exec('job', { args: [PROGRAM] }, { stdio: scratch.fifos() });
    await until('its main thread has ended', () => statOf(job.systemPid)?.state === 'Z');
    expect(job.state()).toBe('running');
    await expect(container.removeProcess('job')).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    await container.delete();
    expect(statOf(job.systemPid)).toBeUndefined();
  });
});
