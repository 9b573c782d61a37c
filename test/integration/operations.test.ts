/** Operations on a running container, on every runtime: pause, kill, pids, stats, limits. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { isGone, processesWith, statOf } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { killShim } from '../support/shims.js';
import { isRoot, succeeds } from '../support/strict.js';
import { until } from '../support/until.js';

const sh = (script: string): { args: string[] } => ({ args: ['sh', '-c', script] });
/** Uses the processor all the time, so that its processor time shows whether it runs. */
const BUSY = sh('while :; do :; done');

const ticksOf = (pid: number): number => statOf(pid)?.cpuTicks ?? NaN;

/** Pauses, and tries again on runc's "unable to freeze": on a busy machine it gives up on a busy cgroup v1. */
async function pause(container: Container): Promise<void> {
  for (let left = 20; left > 0; left--) {
    try {
      await container.pause();
      return;
    } catch (error) {
      if (left === 1 || !(error as Error).message.endsWith('unable to freeze')) throw error;
    }
  }
}

// A rootless runtime has no cgroup to freeze.
describe.each(runtimes.filter((name) => isRoot || name === 'host'))('%s', (runtime) => {
  test('pause() stops all processes, resume() continues them; state() and status() say so', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    const child = await container.exec('more', BUSY);
    const pids = [process.systemPid, child.systemPid];
    await until('it works', () => pids.every((pid) => ticksOf(pid) > 2));
    await pause(container);
    expect(container.state()).toBe('paused');
    expect(process.state()).toBe('paused');
    expect(child.state()).toBe('paused');
    expect(await container.runtimeStatus()).toBe('paused');
    const before = pids.map(ticksOf);
    // Only time can show that nothing happens.
    await delay(100);
    expect(pids.map(ticksOf)).toEqual(before);
    const other = scratch.keep(await Container.load(scratch.root, container.id));
    expect(other.state()).toBe('paused');
    await other.resume();
    expect(container.state()).toBe('running');
    expect(await container.runtimeStatus()).toBe('running');
    await until('it works on', () => pids.every((pid, i) => ticksOf(pid) > (before[i] ?? 0)));
  });

  test('a signal to a paused process is handled after resume()', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh("trap 'exit 5' TERM; while :; do :; done"));
    const process = await container.start();
    const shell = process.systemPid;
    const catches = (): boolean =>
      /^Name:\tsh\n(.|\n)*^SigCgt:.*[4-7c-f]...$/m.test(readFileSync(`/proc/${shell}/status`, 'utf8'));
    await until('the trap is set', catches);
    await pause(container);
    process.signal('SIGTERM');
    expect(process.state()).toBe('paused');
    await container.resume();
    expect(await process.wait()).toMatchObject({ status: 5 });
    expect(await container.runtimeStatus()).toBe('stopped');
  });

  test('delete() of a paused container ends it', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    await pause(container);
    const ended = process.wait();
    await container.delete();
    expect(await ended).toMatchObject({ status: 137 });
    await until('no process left', () => processesWith(container.id).length === 0);
  });

  test('a paused process that is killed ends at once or at resume()', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    await pause(container);
    process.signal('SIGKILL');
    await container.resume().catch((error: unknown) => {
      // Only in a frozen cgroup v1 does it wait for resume().
      if ((error as { code?: string }).code !== 'ERR_CONTAINER_EXITED') throw error;
    });
    expect(await process.wait()).toMatchObject({ status: 137 });
    expect(container.state()).toBe('stopped');
  });

  test('a paused process whose shim dies is lost, and is ended', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    await pause(container);
    const pid = process.systemPid;
    await killShim(scratch, container.id);
    expect(await process.wait()).toMatchObject({ status: undefined });
    await container.delete();
    expect(isGone(pid)).toBe(true);
  });

  test('killAll() of a paused container ends it, with its exact status', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    const more = await container.exec('more', BUSY);
    await pause(container);
    await container.killAll();
    expect(await process.wait()).toMatchObject({ status: 137 });
    expect(await more.wait()).toMatchObject({ status: 137 });
    expect(process.state()).toBe('stopped');
    expect(container.state()).toBe('stopped');
  });

  test('killAll() with a signal reaches every process', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh("trap 'exit 3' USR1; sleep 1000 & wait"));
    const process = await container.start();
    const more = await container.exec('more', sh("trap 'exit 4' USR1; while :; do :; done"));
    const catches = (pid: number): boolean =>
      /^Name:\tsh\n(.|\n)*^SigCgt:.*[2367abef]..$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    await until('both traps are set', () => catches(process.systemPid) && catches(more.systemPid));
    await container.killAll('SIGUSR1');
    expect(await process.wait()).toMatchObject({ status: 3 });
    // The end of a container's first process may kill the others before they handle the signal.
    const end = await more.wait();
    expect(end.lost).toBeUndefined();
    expect([4, 137]).toContain(end.status);
  });

  test('pids() gives the host’s pids of all processes', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('sleep 1000 & wait'));
    const process = await container.start();
    const more = await container.exec('more', { args: ['sleep', '1000'] });
    const pids = await until('the child', async () => {
      const found = await container.pids();
      return found.length === 3 && found;
    });
    expect(pids).toEqual(expect.arrayContaining([process.systemPid, more.systemPid]));
    expect(pids.every((pid) => existsSync(`/proc/${pid}`))).toBe(true);
  });

  // crun has no such command.
  if (runtime !== 'crun')
    test('stats() has processor time, memory and processes', async ({ scratch }) => {
      const container = await scratch.container(runtime, BUSY);
      const process = await container.start();
      await until('it works', () => ticksOf(process.systemPid) > 2);
      const { cpu, memory, pids } = await container.stats();
      expect(cpu.totalUsageNs).toBeGreaterThan(10_000_000);
      expect(memory.usageBytes).toBeGreaterThan(10_000);
      expect(pids.current).toBe(1);
      const isMore = async (): Promise<boolean> =>
        ((await container.stats()).cpu.totalUsageNs ?? 0) > (cpu.totalUsageNs ?? 0);
      await until('more processor time', isMore);
    });

  test('pause() of a paused container, resume() of a running one: ERR_INVALID_STATE, but for crun', async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, BUSY);
    await container.start();
    const code = (operation: Promise<void>): Promise<string> =>
      operation.then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      );
    const refused = runtime === 'crun' ? 'done' : 'ERR_INVALID_STATE';
    expect(await code(container.resume())).toBe(refused);
    expect(await code(pause(container))).toBe('done');
    expect(await code(container.pause())).toBe(refused);
    expect(container.state()).toBe('paused');
  });

  test('the runtime refuses exec in a paused container, and nothing is left', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    await container.start();
    await pause(container);
    await expect(container.exec('more', sh('exit 0'))).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(container.processes()).toHaveLength(1);
  });

  const hasCriu = runtime !== 'host' && succeeds('criu', ['check']);
  if (!hasCriu)
    test('a checkpoint without criu fails with the runtime’s error, and leaves nothing', async ({ scratch }) => {
      const container = await scratch.container(runtime, BUSY);
      await container.start();
      await expect(container.checkpoint({ name: 'one' })).rejects.toMatchObject({
        code: 'ERR_OCI_RUNTIME',
        message: expect.stringMatching(/^oci runtime error: checkpoint: .*(criu|checkpoint)/i) as string,
      });
      expect(existsSync(`${container.bundle}/checkpoints`)).toBe(false);
      expect(container.state()).toBe('running');
    });
});

describe.each(runtimes.filter((name) => isRoot && name !== 'host'))('%s, limits', (runtime) => {
  test('updateResources() sets limits of the running container', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    const process = await container.start();
    await container.updateResources({ pids: { limit: 21 }, memory: { limit: 64 * 1024 * 1024 } });
    const cgroups = readFileSync(`/proc/${process.systemPid}/cgroup`, 'utf8');
    const [, path = ''] = /^\d+:pids:(.*)$/m.exec(cgroups) ?? /^0::(.*)$/m.exec(cgroups) ?? [];
    const files = [`/sys/fs/cgroup/pids${path}/pids.max`, `/sys/fs/cgroup${path}/pids.max`];
    const file = files.find((name) => existsSync(name));
    expect(readFileSync(file ?? '', 'utf8')).toBe('21\n');
    if (runtime === 'runc') expect((await container.stats()).memory.limitBytes).toBe(64 * 1024 * 1024);
  });

  test('an invalid limit is ERR_OCI_RUNTIME', async ({ scratch }) => {
    const container = await scratch.container(runtime, BUSY);
    await container.start();
    const failed = container.updateResources({ cpu: { cpus: 'many' } });
    await expect(failed).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(container.state()).toBe('running');
  });
});
