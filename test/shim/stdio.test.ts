/** FIFOs and files as stdio: no byte is lost, nobody hangs, and the shim exits once no output is unread. */
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { posix, type Process, type Stdio } from '../../src/index.js';
import { descriptorsOf, isReaped } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';
import { expectNothingLeft, fakeContainer, noProcessLeft, processDir, shimPid } from '../support/fake-runtime.js';

/** A process that runs this script with FIFOs as its stdio, and its shim. */
async function start(
  scratch: Scratch,
  script: string,
  stdio: Partial<Stdio> = scratch.fifos(),
): Promise<{ process: Process; shim: number; dir: string }> {
  const container = await fakeContainer(scratch, 'run-script', script);
  const process = await container.start({ stdio });
  const dir = processDir(scratch, container);
  // A getter: the shim of a short process may have exited already, and not every test asks for it.
  return {
    process,
    dir,
    get shim(): number {
      return shimPid(dir);
    },
  };
}

test('the process has its three streams and no other descriptor; the shim holds the other ends', async ({
  scratch,
}) => {
  const stdio = scratch.fifos();
  const { process, shim } = await start(scratch, 'echo begun; read x', stdio);
  const stdout = process.openStdout();
  await once(stdout, 'data');
  const own = descriptorsOf(process.systemPid);
  const pipe = own[0] ?? '';
  expect(pipe).toMatch(/^pipe:/);
  expect(own).toEqual({ 0: pipe, 1: stdio.stdout, 2: stdio.stderr });
  // Both ends of stdin, which it passes on to the pipe.
  const wanted = [stdio.stdin, stdio.stdout, stdio.stderr, pipe];
  const held = Object.values(descriptorsOf(shim)).filter((to) => wanted.includes(to));
  expect(held.sort()).toEqual([stdio.stderr, stdio.stdin, stdio.stdin, stdio.stdout, pipe].sort());
  stdout.destroy();
  process.closeStdin();
  await process.wait();
});

test('a reader may close and open again: no SIGPIPE, and no byte is lost', async ({ scratch }) => {
  const { process } = await start(scratch, 'echo one; read x; echo two; read x; echo three; exit 2');
  const first = process.openStdout();
  const [chunk] = (await once(first, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('one\n');
  first.destroy();
  await once(first, 'close');
  const stdin = process.openStdin();
  stdin.write('\n');
  await until('it has written while nobody reads', () => {
    const fd = posix.open(process.stdio.stdout, 0o4000);
    try {
      return posix.bytesReadable(fd) === 4;
    } finally {
      posix.close(fd);
    }
  });
  const second = text(process.openStdout());
  stdin.end('\n');
  expect(await process.wait()).toMatchObject({ status: 2 });
  expect(await second).toBe('two\nthree\n');
});

test('a writer may close and open again: no end-of-file in between', async ({ scratch }) => {
  const { process } = await start(scratch, 'read a; read b; echo "$a $b"');
  const stdout = text(process.openStdout());
  for (const line of ['first\n', 'second\n']) {
    const stdin = process.openStdin();
    stdin.end(line);
    await once(stdin, 'close');
  }
  expect(await process.wait()).toMatchObject({ status: 0 });
  expect(await stdout).toBe('first second\n');
});

test('unread output can be read after the exit; then the shim exits', async ({ scratch }) => {
  const { process, shim } = await start(scratch, 'echo out; echo err >&2; exit 1');
  expect(await process.wait()).toMatchObject({ status: 1 });
  expect(isReaped(shim)).toBe(false);
  expect(await text(process.openStdout())).toBe('out\n');
  expect(isReaped(shim)).toBe(false);
  expect(await text(process.openStderr())).toBe('err\n');
  await until('the shim has left', () => isReaped(shim));
});

test('the release line makes a shim with unread output exit', async ({ scratch }) => {
  const { process, shim, dir } = await start(scratch, 'echo unread');
  await process.wait();
  writeFileSync(join(dir, 'control'), '2 0 0\n');
  await until('the shim has left', () => isReaped(shim));
});

test('the removal of the state directory makes a shim with unread output exit', async ({ scratch }) => {
  const { process, shim, dir } = await start(scratch, 'echo unread');
  await process.wait();
  await until('the last file of the shim', () => existsSync(join(dir, 'deleted')));
  rmSync(join(dir, '..'), { recursive: true });
  await until('the shim has left', () => isReaped(shim));
});

test('the removal of its FIFOs makes a shim with unread output exit', async ({ scratch }) => {
  const { process, shim } = await start(scratch, 'echo unread; echo too >&2');
  await process.wait();
  rmSync(process.stdio.stdout);
  rmSync(process.stdio.stderr);
  await until('the shim has left', () => isReaped(shim));
});

test('the exit is reported although a grandchild holds stdout', async ({ scratch }) => {
  const { process } = await start(scratch, '(echo $$; exec sleep 1000) & echo $! >&2; exit 12');
  expect(await process.wait()).toMatchObject({ status: 12 });
  const stderr = process.openStderr();
  const [line] = (await once(stderr, 'data')) as [Buffer];
  stderr.destroy();
  const grandchild = Number(line.toString());
  expect(isReaped(grandchild)).toBe(false);
  globalThis.process.kill(grandchild, 'SIGKILL');
});

test('closeStdin() is end-of-file only once all writers have closed', async ({ scratch }) => {
  const { process } = await start(scratch, 'cat; exit 3');
  const stdout = text(process.openStdout());
  const stdin = process.openStdin();
  stdin.write('a');
  process.closeStdin();
  stdin.end('b');
  expect(await process.wait()).toMatchObject({ status: 3 });
  expect(await stdout).toBe('ab');
});

test('control lines in pieces, too long, or invalid: the next valid line works', async ({ scratch }) => {
  const { process, dir } = await start(scratch, 'cat; exit 5');
  const fd = posix.open(join(dir, 'control'), 0o4001);
  const bad = [
    '',
    'x',
    '0',
    '0 0',
    '0 0 0 ',
    ' 0 0 0',
    '0  0 0',
    '0 0 0 0',
    '3 0 0',
    '-1 0 0',
    '0 0 x',
    '0 99999 0',
    '\0',
  ];
  posix.write(fd, Buffer.from(bad.join('\n') + '\n'));
  // A line that is too long is ignored as a whole, even if its end looks like a command.
  posix.write(fd, Buffer.from('9'.repeat(511) + '0 0 0\n'));
  posix.write(fd, Buffer.from('9'.repeat(5000) + '\n'));
  await until('the shim has read it all', () => {
    const reader = posix.open(join(dir, 'control'), 0o4000);
    try {
      return posix.bytesReadable(reader) === 0;
    } finally {
      posix.close(reader);
    }
  });
  expect(process.state()).toBe('running');
  for (const piece of ['0', ' ', '0 ', '0', '\n']) {
    posix.write(fd, Buffer.from(piece));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  posix.close(fd);
  expect(await process.wait()).toMatchObject({ status: 5 });
});

test.for([0o000, 0o022, 0o077])('files are made with mode 0600 under the umask %o', async (mask, { scratch }) => {
  const io = scratch.mkdir('io');
  const stdio = { stdout: join(io, 'out'), stderr: join(io, 'err') };
  const old = globalThis.process.umask(mask);
  try {
    const { process, dir } = await start(scratch, 'echo out; echo err >&2', stdio);
    await process.wait();
    for (const path of [stdio.stdout, stdio.stderr, join(dir, 'exitStatus'), join(dir, 'identity.json')]) {
      expect([path, statSync(path).mode & 0o777]).toEqual([path, 0o600]);
    }
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  } finally {
    globalThis.process.umask(old);
  }
});

test('a file that is there keeps its mode and is appended to', async ({ scratch }) => {
  const path = join(scratch.mkdir('io'), 'log');
  writeFileSync(path, 'old\n');
  chmodSync(path, 0o640);
  const { process } = await start(scratch, 'echo new', { stdout: path });
  await process.wait();
  expect(readFileSync(path, 'utf8')).toBe('old\nnew\n');
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('a start that fails because of stdio leaves nothing, not even its FIFOs', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script');
  mkdirSync(join(scratch.dir, 'taken'));
  await expect(container.start({ stdio: { stderr: join(scratch.dir, 'taken') } })).rejects.toMatchObject({
    code: 'ERR_SHIM',
  });
  await expectNothingLeft(scratch, container);
  await noProcessLeft(container);
});
