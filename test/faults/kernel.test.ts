/**
 * Shim and host runtime on a kernel or in a sandbox that lacks something: they do without close_range(2) and without the
 * kernel's lists of children, and refuse a /proc of another pid namespace and missing pidfds before they start anything.
 * For the library itself: test/kernel/requirements.test.ts, test/posix/spawn-detach.test.ts.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { describe, expect } from 'vitest';
import { posix } from '../../src/index.js';
import { writeTestBundle } from '../support/bundles.js';
import { expectNoStart, fakeContainer, noProcessLeft, processDir } from '../support/fake-runtime.js';
import { descriptorsOf, shimIn } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';

const shim = posix.nativeExecutable('outlive-shim');
const host = posix.nativeExecutable('outlive-host');

/** A program that runs another one with itself open as descriptor 9, under strace, which then is not its parent. */
function traced(scratch: Scratch, program: string, ...options: string[]): { path: string; trace: string } {
  const [path, trace] = [join(scratch.mkdir('traced'), 'program'), join(scratch.dir, 'trace')];
  const words = ['strace', '-DDD', '-qq', '-o', trace, ...options, program].map((word) => `'${word}'`);
  writeFileSync(path, `#!/bin/sh\nexec ${words.join(' ')} "$@" 9<"$0"\n`, { mode: 0o755 });
  return { path, trace };
}

function injected(trace: string): number {
  return readFileSync(trace, 'utf8').split('(INJECTED)').length - 1;
}

describe('under strace', () => {
  if (!want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true']))) return;

  test.for(['ENOSYS', 'EPERM'])(
    'close_range gives %s: the shim has no inherited descriptor',
    async (error, { scratch }) => {
      const { path, trace } = traced(
        scratch,
        shim,
        '-e',
        'trace=close_range',
        '-e',
        `inject=close_range:error=${error}`,
      );
      const container = await scratch.container('host', { args: ['sleep', '60'] }, { shim: path });
      await container.start();
      const pid = shimIn(processDir(scratch, container));
      expect(injected(trace)).toBe(1);
      expect(Object.values(descriptorsOf(pid ?? 0))).not.toContain(path);
      expect(Object.keys(descriptorsOf(pid ?? 0)).slice(0, 3)).toEqual(['0', '1', '2']);
    },
  );

  test.for(['ENOSYS', 'EPERM'])(
    'close_range gives %s: a process of the host runtime has no inherited descriptor',
    async (error, { scratch }) => {
      const [trace, out] = [join(scratch.dir, 'trace'), join(scratch.dir, 'out')];
      const args = ['sh', '-c', `echo /proc/self/fd/* >${out}`];
      const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args });
      const [id, global] = [scratch.newId(), ['--root', scratch.mkdir('runtime')]];
      const inject = ['-e', 'trace=close_range', '-e', `inject=close_range:error=${error}`];
      const run = ['-f', '-o', trace, ...inject, host, ...global, 'run', '-d', '--bundle', bundle, id];
      // strace follows the process, too: it ends when that has ended. Descriptors 3 and 4 are inherited.
      const stdio = ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] as const;
      expect(spawnSync('strace', run, { stdio: [...stdio] })).toMatchObject({ status: 0 });
      expect(spawnSync(host, [...global, 'delete', id])).toMatchObject({ status: 0 });
      // 3 is the shell's own while it lists them.
      expect(readFileSync(out, 'utf8').replaceAll('/proc/self/fd/', '')).toBe('0 1 2 3\n');
      expect(injected(trace)).toBe(1);
    },
  );

  test('no list of children in /proc: a failed start leaves no process', async ({ scratch }) => {
    const list = '/proc/thread-self/children';
    const { path, trace } = traced(scratch, shim, '-P', list, '-e', 'inject=openat:error=ENOENT');
    const container = await fakeContainer(scratch, 'fail-after-pid', '', { shim: path });
    await expectNoStart(container, { code: 'ERR_CONTAINER_NOT_STARTED' });
    await noProcessLeft(container);
    expect(injected(trace)).toBeGreaterThan(0);
  });

  test.for(['ENOSPC', 'ENOMEM'])(
    'epoll_ctl gives %s for a while: the shim tries again, and no byte and no exit is lost',
    async (error, { scratch }) => {
      // The first call is made before the process: its failure fails the start.
      const inject = `inject=epoll_ctl:error=${error}:when=2..8+2`;
      const { path, trace } = traced(scratch, shim, '-e', 'trace=epoll_ctl', '-e', inject);
      const args = ['sh', '-c', 'stty -echo; echo ready; read line; echo "$line"; exit 7'];
      const container = await scratch.container('host', { args, terminal: true }, { shim: path });
      const process = await container.start({ stdio: scratch.fifos(true) });
      const [stdin, stdout] = [process.openStdin(), process.openStdout()];
      const [ready] = (await once(stdout, 'data')) as [Buffer];
      expect(String(ready)).toBe('ready\r\n');
      stdin.end('hello\n');
      expect(await text(stdout)).toBe('hello\r\n');
      expect(await process.wait()).toMatchObject({ status: 7 });
      expect(injected(trace)).toBe(4);
    },
  );

  test('splice gives EPERM: the process gets every byte of its stdin', async ({ scratch }) => {
    const { path, trace } = traced(scratch, shim, '-e', 'trace=splice', '-e', 'inject=splice:error=EPERM');
    // More than the FIFO and the pipe hold, and the process does not read yet: so both are full in between.
    const input = Buffer.from(Array.from({ length: 400_000 }, (_, i) => `${i}\n`).join(''));
    const go = join(scratch.dir, 'go');
    posix.mkfifo(go, 0o600);
    const args = ['sh', '-c', `read x <${go}; cat; exit 5`];
    const container = await scratch.container('host', { args }, { shim: path });
    const process = await container.start({ stdio: scratch.fifos() });
    const stdin = process.openStdin();
    expect(stdin.write(input)).toBe(false);
    writeFileSync(go, '\n');
    const output = buffer(process.openStdout());
    stdin.end();
    await finished(stdin);
    process.closeStdin();
    expect(input.equals(await output)).toBe(true);
    expect(await process.wait()).toMatchObject({ status: 5 });
    expect(injected(trace)).toBe(1);
  });

  test('no memory for a terminal’s buffer: the start fails, and no process runs', async ({ scratch }) => {
    const start = async (...options: string[]) => {
      const { path, trace } = traced(scratch, shim, '-e', 'trace=mmap', ...options);
      const container = await scratch.container('host', { args: ['true'], terminal: true }, { shim: path });
      return { container, trace, starting: container.start({ stdio: scratch.fifos(true) }) };
    };
    const good = await start();
    await (await good.starting).wait();
    const calls = readFileSync(good.trace, 'utf8').split('\n');
    const index = calls.findIndex((call) => call.startsWith('mmap(NULL, 131072, ')) + 1;
    expect(index).toBeGreaterThan(0);
    const bad = await start('-e', `inject=mmap:error=ENOMEM:when=${index}`);
    await expect(bad.starting).rejects.toMatchObject({ code: 'ERR_SHIM' });
    await noProcessLeft(bad.container);
    expect(injected(bad.trace)).toBe(1);
  });

  test.for([
    ['pidfd_open', 'ENOSYS'],
    ['pidfd_open', 'EPERM'],
    ['pidfd_send_signal', 'EPERM'],
  ] as const)('%s gives %s: the host runtime starts nothing', async ([call, error], { scratch }) => {
    const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
    expect(await runHost(scratch, 'strace', ...inject)).toContain(`${call}: `);
  });
});

/** Runs the host runtime's `run` below a wrapper, which must fail and leave nothing. Gives its message. */
async function runHost(scratch: Scratch, ...wrapper: string[]): Promise<string> {
  const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: ['touch', join(scratch.dir, 'ran')] });
  const root = scratch.mkdir('runtime');
  const [file, ...args] = [...wrapper, host, '--root', root, 'run', '-d', '--bundle', bundle, scratch.newId()];
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(readdirSync(root)).toEqual([]);
  expect(existsSync(join(scratch.dir, 'ran'))).toBe(false);
  return stderr;
}

describe('a /proc of another pid namespace', () => {
  const namespaces = isRoot ? ['-p', '-f'] : ['-r', '-p', '-f'];
  if (!wantRight('unshare(1) with pid namespaces', succeeds('unshare', [...namespaces, 'true']))) return;

  test('the host runtime starts nothing', async ({ scratch }) => {
    expect(await runHost(scratch, 'unshare', ...namespaces)).toContain('another pid namespace');
    const missing = [...namespaces.slice(0, -2), '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
    expect(await runHost(scratch, 'unshare', ...missing)).toContain('cannot read /proc: ');
  });

  test('the shim starts nothing', ({ scratch }) => {
    const [dir, root] = [scratch.mkdir('process'), join(scratch.dir, 'runtime')];
    mkdirSync(root);
    const { status } = spawnSync('unshare', [...namespaces, shim, 'c', scratch.dir, '/bin/false'], { cwd: dir });
    expect(status).toBe(1);
    expect(readFileSync(join(dir, 'shim-log.json'), 'utf8')).toContain('another pid namespace');
    expect(readdirSync(dir)).toEqual(['shim-log.json']);
  });
});
