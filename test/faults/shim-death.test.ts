/** A shim that is killed or stopped: the exit is lost at once, nothing of the process is left, its id is free again. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect } from 'vitest';
import { type Container, Container as Containers, type Process } from '../../src/index.js';
import { isGone } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { killShim, sendToShim, shimPid, stopShim } from '../support/shims.js';

const LOST = { status: undefined, lost: expect.stringMatching(/shim/) as string };

async function expectUsable(scratch: Scratch, { id, bundle, runtime, runtimeArgs }: Container): Promise<void> {
  const again = await Containers.create({ root: scratch.root, id, bundle, runtime, runtimeArgs: [...runtimeArgs] });
  scratch.keep(again);
  const process = await again.start();
  process.signal('SIGKILL');
  expect(await process.wait()).toMatchObject({ status: 137 });
  await again.delete();
}

async function expectLost(process: Process): Promise<void> {
  expect(await process.wait()).toMatchObject(LOST);
  expect(process.state()).toBe('stopped');
  expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_EXIT_STATUS_LOST' }));
  expect(() => process.signal(0)).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
}

describe.each(runtimes)('%s', (runtime) => {
  test('a killed shim: the exit is lost at once, the process is ended, and the id can be used again', async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const process = await container.start({ stdio: scratch.fifos() });
    await killShim(scratch, container.id);
    await expectLost(process);
    await until('the process has ended', () => isGone(process.systemPid));
    await container.delete();
    await expectUsable(scratch, container);
  });

  test('a shim killed while no supervisor ran: the exit is lost on load', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const { systemPid } = await container.start();
    container.close();
    await killShim(scratch, container.id);
    const loaded = scratch.keep(await Containers.load(scratch.root, container.id));
    const [process] = loaded.processes();
    if (process === undefined) throw new Error('no process');
    await expectLost(process);
    await until('the process has ended', () => isGone(systemPid));
    await loaded.delete();
    await expectUsable(scratch, container);
  });

  test("the shim of an exec'ed process is killed: only that exit is lost, and the container lives on", async ({
    scratch,
  }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const init = await container.start();
    const process = await container.exec('second', { args: ['sleep', '1000'] });
    await killShim(scratch, container.id, 'second');
    await expectLost(process);
    await until('the process has ended', () => isGone(process.systemPid));
    expect(init.state()).toBe('running');
    await container.removeProcess('second');
    const third = await container.exec('second', { args: ['sh', '-c', 'exit 4'] });
    expect(await third.wait()).toMatchObject({ status: 4 });
  });

  test('shim and process killed together: status 137 or lost, never anything else', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const process = await container.start();
    const shim = shimPid(scratch, container.id);
    globalThis.process.kill(process.systemPid, 'SIGKILL');
    // The pid stays the shim's until we reap it, in wait().
    globalThis.process.kill(shim, 'SIGKILL');
    await until('the death of the shim', () => isGone(shim));
    const exit = await process.wait();
    expect(exit.status === 137 || exit.lost !== undefined).toBe(true);
    await container.delete();
    await expectUsable(scratch, container);
  });

  test('a shim that stands still: resize() fails with EAGAIN and does not block; the last size applies on SIGCONT', async ({
    scratch,
  }) => {
    const args = ['sh', '-c', 'stty -echo; while read x; do stty size; done'];
    const container = await scratch.container(runtime, { args, terminal: true });
    const process = await container.start({ stdio: scratch.fifos(true) });
    let output = '';
    const stdout = process.openStdout().on('data', (chunk) => (output += String(chunk)));
    await stopShim(scratch, container.id);
    let rows = 0;
    const fill = (): void => {
      for (rows = 1; rows < 65535; rows++) process.resize(100, rows);
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    sendToShim(scratch, container.id, 'SIGCONT');
    const stdin = process.openStdin();
    await until('the last size that went in', () => {
      stdin.write('\n');
      return output.includes(`${rows - 1} 100\r\n`);
    });
    expect(output).not.toContain(`${rows} 100\r\n`);
    stdin.destroy();
    stdout.destroy();
    await once(stdout, 'close');
  });

  test('an exit while the shim is stopped is reported on SIGCONT, with the exact status', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const process = await container.start();
    await stopShim(scratch, container.id);
    process.signal('SIGKILL');
    await until('it has ended', () => process.state() === 'stopped');
    expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_NOT_EXITED' }));
    sendToShim(scratch, container.id, 'SIGCONT');
    expect(await process.wait()).toMatchObject({ status: 137 });
  });
});

const mayFreeze = runtimes.includes('runc') && wantRight('root, for runc to freeze a cgroup', isRoot);

describe.runIf(mayFreeze)('runc', () => {
  test('a paused container is resumed, so that it can be ended', async ({ scratch }) => {
    const container = await scratch.container('runc', { args: ['sleep', '1000'] });
    const process = await container.start();
    execFileSync('runc', [...container.runtimeArgs, 'pause', container.id]);
    await killShim(scratch, container.id);
    await expectLost(process);
    await until('the process has ended', () => isGone(process.systemPid));
    await container.delete();
    await expectUsable(scratch, container);
  });
});
