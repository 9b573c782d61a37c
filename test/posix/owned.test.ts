// The descriptors that the library opens for itself: a number is closed once, by closeOwned() only.
import { randomBytes } from 'node:crypto';
import { constants, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import {
  closeOwned,
  eventfdOwned,
  openOwned,
  pidfdOpenOwned,
  pipeOwned,
  tryReadThrough,
} from '../../src/posix/owned.js';
import { until } from '../support/until.js';
import { temporaryDirectory } from './helpers.js';

it.each([
  ['openOwned', () => openOwned('/dev/null', constants.O_RDONLY), /^\/dev\/null$/],
  ['pidfdOpenOwned', () => pidfdOpenOwned(process.pid), /pidfd/],
  ['eventfdOwned', () => eventfdOwned(3), /eventfd/],
  ['pipeOwned', () => (([end, other]) => (closeOwned(other), end))(pipeOwned()), /^pipe:/],
])('%s gives a descriptor that closeOwned() closes once', (_, open, target) => {
  const fd = open();
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(target);
  closeOwned(fd);
  const refused = expect.objectContaining({ code: 'EBADF', syscall: 'close' }) as Error;
  expect(() => closeOwned(fd)).toThrow(refused);
  // The number may be another descriptor's by now, which is not ours to close.
  const other = posix.eventfd(0);
  expect(() => closeOwned(other)).toThrow(refused);
  posix.close(other);
});

it("the kernel's table is enlarged long before it is full, so that no open(2) waits for that", async () => {
  const size = (): number => Number(/^FDSize:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  // Smaller tables are left to the kernel: they are full before a program has opened much.
  const before = Math.max(size(), 256);
  const opened: number[] = [];
  onTestFinished(() => opened.forEach(closeOwned));
  while ((opened.at(-1) ?? 0) < before / 4) opened.push(eventfdOwned(0));
  await until(
    () => `the table of ${before} is at least twice as large: ${size()}`,
    () => size() >= 2 * before,
  );
});

describe('tryReadThrough()', () => {
  let ends: readonly [number, number];
  let source: readonly [number, number];
  const [inner, outer] = [4096, 65536];

  beforeEach(() => {
    [ends, source] = [pipeOwned(), pipeOwned()];
    onTestFinished(() => [...ends, ...source].forEach(closeOwned));
    // So small that one call needs many rounds.
    posix.setPipeSize(ends[1], inner);
  });

  it('fills the buffers in their order, and leaves the rest in the first pipe', () => {
    const sent = randomBytes(outer);
    expect(posix.write(source[1], sent)).toBe(outer);
    const buffers = [10, 0, 5000, 3, 20_000].map((size) => Buffer.alloc(size));
    const total = 25_013;
    expect(tryReadThrough(source[0], ends, buffers)).toBe(total);
    expect(Buffer.concat(buffers).equals(sent.subarray(0, total))).toBe(true);
    expect(posix.bytesReadable(ends[0])).toBe(0);
    expect(posix.bytesReadable(source[0])).toBe(outer - total);
    const rest = Buffer.alloc(outer);
    expect(tryReadThrough(source[0], ends, [rest])).toBe(outer - total);
    expect(rest.subarray(0, outer - total).equals(sent.subarray(total))).toBe(true);
  });

  it('gives undefined if there is nothing, 0 at the end, and what there was before the end', () => {
    const buffer = Buffer.alloc(10);
    expect(tryReadThrough(source[0], ends, [buffer])).toBeUndefined();
    posix.write(source[1], Buffer.from('last'));
    const fifo = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(fifo, 0o600);
    const reader = openOwned(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => closeOwned(reader));
    expect(tryReadThrough(reader, ends, [buffer])).toBe(0);
    expect(tryReadThrough(source[0], ends, [buffer])).toBe(4);
    expect(buffer.toString('latin1', 0, 4)).toBe('last');
  });

  it('refuses what is no pipe', () => {
    const file = openOwned('/proc/self/stat', constants.O_RDONLY);
    onTestFinished(() => closeOwned(file));
    expect(() => tryReadThrough(-1, ends, [Buffer.alloc(1)])).toThrow(RangeError);
    expect(() => tryReadThrough(source[0], [source[0], source[1]], [Buffer.alloc(1)])).toThrow(
      expect.objectContaining({ code: 'EINVAL', syscall: 'splice' }) as Error,
    );
    expect(() => tryReadThrough(source[0], ends, Array<Buffer>(65).fill(Buffer.alloc(1)))).toThrow(RangeError);
  });
});

it('fails as the call that it makes', () => {
  expect(() => pidfdOpenOwned(0)).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'pidfd_open' }) as Error);
  expect(() => pidfdOpenOwned(2 ** 22 + 1)).toThrow(expect.objectContaining({ code: 'ESRCH' }) as Error);
  expect(() => eventfdOwned(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
});
