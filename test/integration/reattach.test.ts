/** SIGKILL of the program that started a process: process, terminal, output and exit status survive it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container, type Process, type Stdio } from '../../src/index.js';
import { runtimeArgs, writeTestBundle, type ProcessOverrides } from '../support/bundles.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const supervisorScript = fileURLToPath(new URL('../fixtures/supervisor.mjs', import.meta.url));

interface Orphan {
  id: string;
  pid: number;
  supervisor: ChildProcess;
}

/** A process that another program started. */
async function startElsewhere(
  scratch: Scratch,
  runtime: string,
  overrides: ProcessOverrides,
  stdio: Partial<Stdio>,
): Promise<Orphan> {
  const id = scratch.newId();
  const bundle = await writeTestBundle(scratch.mkdir('bundle'), runtime, overrides);
  const options = { root: scratch.root, id, bundle, runtime, runtimeArgs: runtimeArgs(runtime, scratch.dir) };
  const supervisor = spawn(process.execPath, [supervisorScript, JSON.stringify({ options, start: { stdio } })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(supervisor.stdout), 'line')) as [string];
  return { id, supervisor, ...(JSON.parse(line) as { pid: number }) };
}

async function kill({ supervisor }: Orphan): Promise<void> {
  supervisor.kill('SIGKILL');
  await once(supervisor, 'close');
}

async function load(scratch: Scratch, { id }: Orphan): Promise<Process> {
  const container = scratch.keep(await Container.load(scratch.root, id));
  const [process] = container.processes();
  if (process === undefined) throw new Error('the container has no process');
  return process;
}

describe.each(runtimes)('%s', (runtime) => {
  test('a process outlives its supervisor, with its FIFOs, its control and its status', async ({ scratch }) => {
    const stdio = scratch.fifos();
    const overrides = { args: ['sh', '-c', 'echo before; read x; echo after $x; cat; exit 21'] };
    const orphan = await startElsewhere(scratch, runtime, overrides, stdio);
    await kill(orphan);
    const process = await load(scratch, orphan);
    expect(process.systemPid).toBe(orphan.pid);
    expect(process.state()).toBe('running');
    expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_NOT_EXITED' }));
    const stdin = process.openStdin();
    stdin.end('the fall\n');
    const stdout = text(process.openStdout());
    await once(stdin, 'close');
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 21 });
    expect(await stdout).toBe('before\nafter the fall\n');
  });

  test('a terminal survives as well: its output, its size and its input', async ({ scratch }) => {
    const stdio = scratch.fifos(true);
    const overrides = { args: ['sh', '-c', 'stty -echo; echo ready; read x; stty size; exit 22'], terminal: true };
    const orphan = await startElsewhere(scratch, runtime, overrides, stdio);
    await kill(orphan);
    const process = await load(scratch, orphan);
    const stdout = text(process.openStdout());
    process.resize(132, 43);
    const stdin = process.openStdin();
    stdin.end('go\n');
    expect(await process.wait()).toMatchObject({ status: 22 });
    expect(await stdout).toMatch(/ready\r\n43 132\r\n$/);
  });

  test('an exit that no supervisor saw is known after a load, and unread output is still there', async ({
    scratch,
  }) => {
    const stdio = scratch.fifos();
    const orphan = await startElsewhere(
      scratch,
      runtime,
      { args: ['sh', '-c', 'read x; echo last words; exit 23'] },
      stdio,
    );
    await kill(orphan);
    writeFileSync(stdio.stdin, '\n');
    const status = join(scratch.root, orphan.id, 'init', 'exitStatus');
    await until('the shim has recorded the status', () => {
      try {
        return readFileSync(status, 'utf8') !== '';
      } catch {
        return false;
      }
    });
    expect(readFileSync(status, 'utf8')).toBe('23');
    const process = await load(scratch, orphan);
    expect(process.state()).toBe('stopped');
    expect(process.exitStatus()).toBe(23);
    expect(await process.wait()).toMatchObject({ status: 23 });
    expect(await text(process.openStdout())).toBe('last words\n');
  });

  test('a supervisor sees the exit that another one caused', async ({ scratch }) => {
    const orphan = await startElsewhere(scratch, runtime, { args: ['sleep', '1000'] }, {});
    const process = await load(scratch, orphan);
    process.signal('SIGKILL');
    expect(await process.wait()).toMatchObject({ status: 137 });
    await kill(orphan);
  });
});
