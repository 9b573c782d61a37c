// watchReadable() and watchWritable(): each calls back once, on data, hang-up, error or the end of a process. The
// library's own pollReadable(): it calls back until it is stopped.
import { Buffer } from 'node:buffer';
import { AsyncLocalStorage } from 'node:async_hooks';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { pollReadable } from '../../src/posix/watch.js';
import { until } from '../support/until.js';
import { fixture, openDescriptors, run, temporaryDirectory } from './helpers.js';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

function fifo(): { reader: number; writer: number; closeWriter: () => void } {
  const path = join(temporaryDirectory(), 'fifo');
  posix.mkfifo(path, 0o600);
  const reader = posix.open(path, O_RDONLY | O_NONBLOCK);
  let writer = posix.open(path, O_WRONLY | O_NONBLOCK);
  const closeWriter = (): void => {
    if (writer !== -1) posix.close(writer);
    writer = -1;
  };
  onTestFinished(() => {
    closeWriter();
    posix.close(reader);
  });
  return { reader, writer, closeWriter };
}

const readable = (fd: number): Promise<void> =>
  new Promise((resolve) => {
    posix.watchReadable(fd, resolve);
  });

const writable = (fd: number): Promise<void> =>
  new Promise((resolve) => {
    posix.watchWritable(fd, resolve);
  });

describe('pollReadable', () => {
  it('calls back in each turn in which there is something to read, until it is stopped', async () => {
    const { reader, writer, closeWriter } = fifo();
    const calls: string[] = [];
    const watch = pollReadable(reader, () => {
      const buffer = Buffer.alloc(1);
      const size = posix.tryRead(reader, buffer);
      calls.push(size === 0 ? 'end' : buffer.toString());
      if (size === 0 || calls.length === 3) watch.stop();
    });
    await setImmediate();
    expect(calls).toEqual([]);
    posix.write(writer, Buffer.from('a'));
    await until('a call', () => calls.length > 0);
    posix.write(writer, Buffer.from('bcd'));
    await until('three calls', () => calls.length === 3);
    await setImmediate();
    // Stopped in its callback.
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(posix.read(reader, Buffer.alloc(8))).toBe(1);
    // Another one, of the same descriptor.
    closeWriter();
    const next = pollReadable(reader, () => {
      calls.push('end');
      next.stop();
    });
    await until('the end', () => calls.length > 3);
    await setImmediate();
    expect(calls).toEqual(['a', 'b', 'c', 'end']);
  });
});

describe('watchReadable', () => {
  it('calls back at data, and again when it is watched again before the data was read', async () => {
    const { reader, writer } = fifo();
    const first = readable(reader);
    posix.write(writer, Buffer.from('a'));
    await first;
    await readable(reader);
    expect(posix.read(reader, Buffer.alloc(8))).toBe(1);
  });

  it('calls back at the hang-up of the last writer', async () => {
    const { reader, closeWriter } = fifo();
    const hungUp = readable(reader);
    closeWriter();
    await hungUp;
    expect(posix.read(reader, Buffer.alloc(1))).toBe(0);
  });

  it('does not call back for a FIFO that nobody has opened for writing yet', async () => {
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    const reader = posix.open(path, O_RDONLY | O_NONBLOCK);
    let calls = 0;
    const watch = posix.watchReadable(reader, () => calls++);
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(calls).toBe(0);
    watch.stop();
    posix.close(reader);
  });

  it('calls back once only, though the descriptor stays readable', async () => {
    const { reader, writer } = fifo();
    let calls = 0;
    posix.watchReadable(reader, () => calls++);
    posix.write(writer, Buffer.from('a'));
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(calls).toBe(1);
  });

  it('does not call back after stop(), which may be called again', async () => {
    const { reader, writer } = fifo();
    let calls = 0;
    const watch = posix.watchReadable(reader, () => calls++);
    posix.write(writer, Buffer.from('a'));
    watch.stop();
    watch.stop();
    watch.ref().unref();
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(calls).toBe(0);
  });

  it('lets the call back close the descriptor, or watch it again', async () => {
    const before = openDescriptors();
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    for (let i = 0; i < 3; i++) {
      const reader = posix.open(path, O_RDONLY | O_NONBLOCK);
      const writer = posix.open(path, O_WRONLY | O_NONBLOCK);
      posix.write(writer, Buffer.from('a'));
      await new Promise<void>((resolve) => {
        posix.watchReadable(reader, () => {
          posix.watchReadable(reader, () => {
            posix.close(reader);
            resolve();
          });
        });
      });
      posix.close(writer);
    }
    expect(openDescriptors()).toEqual(before);
  });

  it('refuses a second watch of the same descriptor, and takes it after stop()', () => {
    const { reader } = fifo();
    const watch = posix.watchReadable(reader, () => undefined);
    expect(() => posix.watchReadable(reader, () => undefined)).toThrow(
      expect.objectContaining({ code: 'EEXIST', syscall: 'epoll_ctl' }) as Error,
    );
    watch.stop();
    posix.watchReadable(reader, () => undefined).stop();
  });

  it('calls back in the async context in which it was begun', async () => {
    const storage = new AsyncLocalStorage<string>();
    const { reader, writer } = fifo();
    const seen = storage.run('mine', () => readable(reader).then(() => storage.getStore()));
    const direct = new Promise((resolve) => {
      storage.run('direct', () => {
        const { reader: other, closeWriter } = fifo();
        posix.watchReadable(other, () => {
          resolve(storage.getStore());
        });
        closeWriter();
      });
    });
    posix.write(writer, Buffer.from('a'));
    expect([await seen, await direct]).toEqual(['mine', 'direct']);
  });
});

describe('watchWritable', () => {
  it('calls back when a full pipe has room', async () => {
    const { reader, writer } = fifo();
    const capacity = posix.write(writer, Buffer.alloc(1 << 20));
    let room = false;
    const watched = writable(writer).then(() => (room = true));
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(room).toBe(false);
    expect(posix.read(reader, Buffer.alloc(capacity))).toBe(capacity);
    await watched;
    expect(posix.write(writer, Buffer.of(1))).toBe(1);
  });

  it('calls back when the reader is gone; then write fails with EPIPE', async () => {
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    const reader = posix.open(path, O_RDONLY | O_NONBLOCK);
    const writer = posix.open(path, O_WRONLY | O_NONBLOCK);
    posix.write(writer, Buffer.alloc(1 << 20));
    const broken = writable(writer);
    posix.close(reader);
    await broken;
    expect(() => posix.write(writer, Buffer.of(1))).toThrow(expect.objectContaining({ code: 'EPIPE' }) as Error);
    posix.close(writer);
  });
});

describe('a process with watches', () => {
  it.each([
    ['stays alive for a watch', 'ref', 0, 'called back\n'],
    ['ends with a watch that was unref()ed', 'unref', 0, ''],
    ['ends by process.exit() with watches open', 'exit', 5, ''],
    ['ends by process.exit() in a call back', 'exit-inside', 6, ''],
    ['gets what a call back throws as uncaughtException', 'throw', 0, 'uncaught: thrown\nnext tick\n'],
    ['gets what a nextTick of a call back throws as uncaughtException', 'throw-tick', 0, 'uncaught: ticked\n'],
    ['dies of an uncaught exception in a call back', 'die', 1, ''],
    ['runs promises and ticks right after the call back', 'order', 0, 'callback tick promise immediate\n'],
    ['loses nothing when its watches are dropped and collected', 'collect', 0, 'called back 100\n'],
  ])('%s', async (_, scenario, code, stdout) => {
    const finished = await run(process.execPath, ['--expose-gc', fixture('watches.js'), scenario]);
    expect(finished).toMatchObject({ code, stdout, signal: null });
  });
});
