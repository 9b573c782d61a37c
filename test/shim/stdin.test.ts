/** A FIFO as stdin, which the shim passes on to a pipe: whole, with back-pressure, and with an end for late openers. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { type Process, posix } from '../../src/index.js';
import { fakeContainer, processDir, shimPid } from '../support/fake-runtime.js';
import { descriptorsOf, statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

async function start(scratch: Scratch, script: string): Promise<{ process: Process; dir: string }> {
  const container = await fakeContainer(scratch, 'run-script', script);
  const process = await container.start({ stdio: scratch.fifos() });
  return { process, dir: processDir(scratch, container) };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes in a FIFO that nobody has read. */
function unreadIn(path: string): number {
  const fd = posix.open(path, 0o4000);
  try {
    return posix.bytesReadable(fd);
  } finally {
    posix.close(fd);
  }
}

test('5 MiB in writes of all sizes arrive whole and in order', async ({ scratch }) => {
  const { process } = await start(scratch, 'exec sha256sum');
  const bytes = randomBytes(5 << 20);
  const output = text(process.openStdout());
  const stdin = process.openStdin();
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 3) % 70_001) {
    const part = bytes.subarray(at, at + size);
    await new Promise<void>((done, fail) => stdin.write(part, (error) => (error ? fail(error) : done())));
  }
  stdin.end();
  process.closeStdin();
  expect(await output).toContain(sha256(bytes));
  await process.wait();
});

test.for([0, 10, 300_000])(
  'who opens /dev/stdin after closeStdin() gets the %i bytes that were written, and end-of-file',
  async (size, { scratch }) => {
    const gate = `${scratch.dir}/gate`;
    const { process, dir } = await start(scratch, `until [ -e ${gate} ]; do sleep 0.01; done; wc -c </dev/stdin`);
    const output = text(process.openStdout());
    const stdin = process.openStdin();
    stdin.end('x'.repeat(size));
    await once(stdin, 'close');
    process.closeStdin();
    // The shim has passed on what the process's pipe takes, or all of it; then it holds no writer of the FIFO any more.
    const shim = shimPid(dir);
    await until('the shim has closed stdin', () => {
      return Object.values(descriptorsOf(shim)).filter((to) => to === process.stdio.stdin).length < 2;
    });
    writeFileSync(gate, '');
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect((await output).trim()).toBe(String(size));
  },
);

test('input that nobody reads: the writer waits, the shim uses no processor time; then all of it arrives', async ({
  scratch,
}) => {
  const { process, dir } = await start(scratch, 'read x </dev/stderr; exec wc -c');
  const shim = shimPid(dir);
  const stdin = process.openStdin();
  let written = false;
  stdin.write('x'.repeat(8 << 20), () => (written = true));
  // The pipe of the process is full, and after it the FIFO.
  let last = -1;
  await until('the FIFO is full', async () => {
    const before = last;
    await new Promise((resolve) => setTimeout(resolve, 100));
    last = unreadIn(process.stdio.stdin);
    return last > 65_535 && last === before;
  });
  const ticks = statOf(shim)?.cpuTicks ?? NaN;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((statOf(shim)?.cpuTicks ?? NaN) - ticks).toBeLessThanOrEqual(2);
  expect(written).toBe(false);
  const output = text(process.openStdout());
  const gate = posix.open(process.stdio.stderr, 0o4001);
  posix.write(gate, Buffer.from('\n'));
  posix.close(gate);
  stdin.end();
  process.closeStdin();
  expect((await output).trim()).toBe(String(8 << 20));
  await process.wait();
});

test('the process closes its stdin: a writer gets EPIPE, a later one ENXIO', async ({ scratch }) => {
  const { process } = await start(scratch, 'read x; exec <&-; echo closed; read x </dev/stderr; exit 3');
  const stdin = process.openStdin();
  stdin.write('\n');
  const output = process.openStdout();
  await once(output, 'data');
  output.destroy();
  const failed = once(stdin, 'error');
  const write = (): void => void stdin.write('x', (error) => (error ? undefined : setImmediate(write)));
  write();
  expect(await failed).toMatchObject([{ code: 'EPIPE' }]);
  expect(() => process.openStdin()).toThrow(expect.objectContaining({ code: 'ENXIO' }));
  const gate = posix.open(process.stdio.stderr, 0o4001);
  posix.write(gate, Buffer.from('\n'));
  posix.close(gate);
  expect(await process.wait()).toMatchObject({ status: 3 });
});

test('a process that ends with unread input: its writer gets EPIPE, and the shim leaves', async ({ scratch }) => {
  const { process } = await start(scratch, 'read x; exit 5');
  const stdin = process.openStdin();
  const failed = once(stdin, 'error');
  stdin.write('\n' + 'x'.repeat(8 << 20));
  expect(await process.wait()).toMatchObject({ status: 5 });
  expect(await failed).toMatchObject([{ code: 'EPIPE' }]);
});
