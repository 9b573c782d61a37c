/** Terminals: back-pressure without loss, the size, the end of stdin, and output after the exit. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { Container, type Process, posix } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { descriptorsOf, isReaped, statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';
import { processDir, shimPid } from '../support/fake-runtime.js';

async function start(scratch: Scratch, script: string): Promise<{ process: Process; shim: number; dir: string }> {
  const container = await scratch.container('host', {
    args: ['sh', '-c', script],
    terminal: true,
    consoleSize: { width: 80, height: 24 },
  });
  const process = await container.start({ stdio: scratch.fifos(true) });
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

const cpuTicks = (pid: number): number => statOf(pid)?.cpuTicks ?? NaN;

/** `count` numbered lines, as `seq -w` prints them, with a terminal's line ends. */
function numberedLines(count: number): Buffer {
  const width = String(count).length;
  return Buffer.from(Array.from({ length: count }, (_, i) => `${String(i + 1).padStart(width, '0')}\r\n`).join(''));
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** Waits until a process's stdout FIFO is full: the unread bytes no longer grow. Small writes leave pages of a pipe half
 * empty, so a FIFO can be full with fewer bytes than its size. */
async function untilFull(process: Process): Promise<void> {
  const unread = (): number => {
    const fd = posix.open(process.stdio.stdout, 0o4000);
    try {
      return posix.bytesReadable(fd);
    } finally {
      posix.close(fd);
    }
  };
  let last = 0;
  await until('the FIFO is full', async () => {
    const before = last;
    await new Promise((resolve) => setTimeout(resolve, 200));
    last = unread();
    return last > 65_536 && last === before;
  });
}

/** The processor time of the shim in half a second, in clock ticks. */
async function idleTicks(shim: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = cpuTicks(shim);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return cpuTicks(shim) - before;
}

test('3 MiB with a late reader: the process blocks, the shim sleeps, every byte arrives in order', async ({
  scratch,
}) => {
  const count = 350_000;
  const { process, shim } = await start(scratch, `stty -echo; seq -w ${count}; exit 7`);
  await untilFull(process);
  expect(await idleTicks(shim)).toBeLessThanOrEqual(2);
  expect(process.state()).toBe('running');
  const output = text(process.openStdout());
  expect(await process.wait()).toMatchObject({ status: 7 });
  expect(sha256(await output)).toBe(sha256(numberedLines(count)));
});

test('output written just before the exit is complete, also for a reader after it; then the shim exits', async ({
  scratch,
}) => {
  // More than a pty buffers, less than the FIFO does.
  const count = 40_000;
  const { process, shim } = await start(scratch, `stty -echo; seq -w ${count}; kill -KILL $$`);
  expect(await process.wait()).toMatchObject({ status: 137 });
  expect(sha256(await text(process.openStdout()))).toBe(sha256(numberedLines(count)));
  await until('the shim has left', () => isReaped(shim));
});

test('with input that nobody reads and output that nobody reads, the shim uses no processor time', async ({
  scratch,
}) => {
  const { process, shim } = await start(scratch, 'stty -echo -icanon; seq -w 350000 & read x; wait');
  const stdin = process.openStdin();
  stdin.write('\n' + 'x'.repeat(300_000));
  await untilFull(process);
  process.signal('SIGKILL');
  expect(await process.wait()).toMatchObject({ status: 137 });
  expect(await idleTicks(shim)).toBeLessThanOrEqual(2);
  stdin.destroy();
  const output = process.openStdout();
  output.resume();
  await once(output, 'end');
  await until('the shim has left', () => isReaped(shim));
});

test('with a terminal that hung up and an orphan that keeps the shim, the shim uses no processor time', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'read x'] });
  const init = await container.start({ stdio: scratch.fifos() });
  // It must leave the terminal's session first: the hang-up kills what is in it.
  const up = join(scratch.dir, 'up');
  const orphan = `setsid sh -c ': > ${up}; exec sleep 1000' </dev/null >/dev/null 2>&1 &`;
  const script = `stty -echo -icanon; ${orphan} while [ ! -e ${up} ]; do sleep 0.01; done; read x; exit 3`;
  const spec = { args: ['sh', '-c', script], terminal: true };
  const process = await container.exec('tty', spec, { stdio: scratch.fifos(true) });
  const shim = shimPid(processDir(scratch, container, 'tty'));
  const stdin = process.openStdin();
  stdin.write('\n' + 'x'.repeat(300_000));
  await until('it has ended', () => process.state() === 'stopped');
  expect(await idleTicks(shim)).toBeLessThanOrEqual(2);
  expect(isReaped(shim)).toBe(false);
  stdin.destroy();
  init.closeStdin();
  await init.wait();
  expect(await process.wait()).toMatchObject({ status: 3 });
});

test('a reader may close and open again', async ({ scratch }) => {
  const { process } = await start(scratch, 'stty -echo; echo one; read x; echo two; read x; exit 0');
  const first = process.openStdout();
  const [chunk] = (await once(first, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('one\r\n');
  first.destroy();
  const stdin = process.openStdin();
  stdin.write('\n');
  const second = text(process.openStdout());
  stdin.end('\n');
  expect(await process.wait()).toMatchObject({ status: 0 });
  expect(await second).toBe('two\r\n');
});

test('a megabyte of input arrives whole', async ({ scratch }) => {
  const { process } = await start(scratch, 'stty -echo; echo ready; sha256sum');
  const lines = Buffer.from('0123456789abcdef'.repeat(31).concat('\n').repeat(2000));
  const output = process.openStdout();
  await once(output, 'data');
  const rest = text(output);
  process.openStdin().end(lines);
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 0 });
  expect(await rest).toContain(sha256(lines));
});

test.for(['', 'a line\n', 'no line', 'a line\nno line'])(
  'closeStdin() after %j is end-of-file',
  async (input, { scratch }) => {
    const { process } = await start(scratch, 'stty -echo; echo ready; cat >/dev/null; exit 4');
    const output = process.openStdout();
    await once(output, 'data');
    output.resume();
    const stdin = process.openStdin();
    stdin.end(input);
    await once(stdin, 'close');
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 4 });
  },
);

test('closeStdin() before the process has its terminal, and with no stdin at all, is end-of-file too', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['cat'], terminal: true });
  const process = await container.start();
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 0 });
});

test('the size changes while it runs; a size out of range or 0 is ignored', async ({ scratch }) => {
  const { process, dir } = await start(scratch, 'stty -echo; echo ready; while read x; do stty size; done');
  const stdin = process.openStdin();
  const output = process.openStdout();
  await once(output, 'data');
  const size = async (): Promise<string> => {
    stdin.write('\n');
    const [chunk] = (await once(output, 'data')) as [Buffer];
    return chunk.toString().trim();
  };
  expect(await size()).toBe('24 80');
  process.resize(65535, 1);
  await until('the new size', async () => (await size()) === '1 65535');
  writeFileSync(join(dir, 'control'), '1 65536 24\n1 0 0\n1 0 30\n1 30 0\n1 -1 5\n1 80\n1 80 24 1\n');
  writeFileSync(join(dir, 'control'), '1 100 50\n1 0 7\n');
  await until('the last good size', async () => (await size()) === '50 100');
  process.closeStdin();
  stdin.end();
  output.resume();
  await process.wait();
});

test('the process has its terminal and no other descriptor; console.sock is removed', async ({ scratch }) => {
  const { process, shim, dir } = await start(scratch, 'stty -echo; echo ready; read x');
  const output = process.openStdout();
  await once(output, 'data');
  const held = descriptorsOf(process.systemPid);
  expect(Object.keys(held)).toEqual(['0', '1', '2']);
  expect(new Set(Object.values(held))).toEqual(new Set([held[0]]));
  expect(held[0]).toMatch(/^\/dev\/pts\/\d+$/);
  expect(Object.values(descriptorsOf(shim)).filter((to) => to.startsWith('/dev/pt'))).toHaveLength(1);
  expect(existsSync(join(dir, 'console.sock'))).toBe(false);
  output.destroy();
  const stdin = process.openStdin();
  stdin.end('\n');
  await process.wait();
});

test('a process directory whose path is too long for a socket address works', async ({ scratch }) => {
  const root = join(scratch.mkdir('a'), 'b'.repeat(200));
  await import('node:fs/promises').then((fs) => fs.mkdir(root));
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), {
    args: ['sh', '-c', 'tty; exit 9'],
    terminal: true,
  });
  const container = scratch.keep(await Container.create({ root, id: 'long', bundle }));
  const process = await container.start({ stdio: scratch.fifos(true) });
  const output = text(process.openStdout());
  expect(await process.wait()).toMatchObject({ status: 9 });
  expect(await output).toMatch(/^\/dev\/pts\/\d+\r\n$/);
  await container.delete();
});

test('output to a file is appended, whole', async ({ scratch }) => {
  const stdout = join(scratch.mkdir('io'), 'log');
  const container = await scratch.container('host', { args: ['sh', '-c', 'seq -w 100000'], terminal: true });
  const process = await container.start({ stdio: { stdout } });
  expect(await process.wait()).toMatchObject({ status: 0 });
  await until('all is written', () => statSync(stdout).size >= 800_000);
  expect(sha256(readFileSync(stdout))).toBe(sha256(numberedLines(100_000)));
});
