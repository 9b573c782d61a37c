// eventfd(2) and flock(2) when they succeed.
import { Buffer } from 'node:buffer';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { temporaryDirectory } from './helpers.js';

function counter(initial: number): number {
  const fd = posix.eventfd(initial);
  onTestFinished(() => posix.close(fd));
  return fd;
}

function taken(fd: number): bigint | undefined {
  const bytes = Buffer.alloc(8);
  return posix.tryRead(fd, bytes) === undefined ? undefined : new BigUint64Array(bytes.buffer, bytes.byteOffset)[0];
}

function opened(path: string): number {
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

describe('eventfd', () => {
  it('begins with what it is given, adds what is written, and is empty once read', () => {
    const fd = counter(3);
    posix.write(fd, Buffer.from(new BigUint64Array([4n]).buffer));
    expect(taken(fd)).toBe(7n);
    expect(taken(fd)).toBeUndefined();
  });

  it('is readable as soon as something was added', async () => {
    const fd = counter(0);
    const readable = new Promise<void>((resolve) => {
      posix.watchReadable(fd, resolve);
    });
    posix.write(fd, Buffer.from(new BigUint64Array([1n]).buffer));
    await readable;
    expect(taken(fd)).toBe(1n);
  });

  it('refuses an invalid count', () => {
    for (const [value, code] of [
      ['1', 'ERR_INVALID_ARG_TYPE'],
      [-1, 'ERR_OUT_OF_RANGE'],
      [2 ** 31, 'ERR_OUT_OF_RANGE'],
    ] as const) {
      expect(() => posix.eventfd(value as number)).toThrow(expect.objectContaining({ code }) as Error);
    }
  });
});

describe('flock', () => {
  it('excludes another descriptor of the file until it is unlocked', () => {
    const path = join(temporaryDirectory(), 'lock');
    writeFileSync(path, '');
    const [first, second] = [opened(path), opened(path)];
    posix.flock(first, 'exclusive');
    expect(() => posix.flock(second, 'exclusive')).toThrow(expect.objectContaining({ code: 'EAGAIN' }) as Error);
    posix.flock(first, 'unlock');
    posix.flock(second, 'shared');
    posix.flock(first, 'shared');
  });

  it('refuses a mode that it does not know', () => {
    const wrong = (): void => posix.flock(0, 'wait' as 'shared');
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error);
  });
});
