// openOutput() on FIFOs and files: every byte in order, for every way of reading; unread bytes stay in the FIFO.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openInput, openOutput, posix } from '../../src/index.js';
import { catchUncaught } from '../support/uncaught.js';
import { openDescriptors, run, temporaryDirectory } from '../posix/helpers.js';
import { installed, succeeds, want } from '../support/strict.js';

const MB = 1024 * 1024;

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let fifo: string;
let before: number;

beforeEach(() => {
  before = openDescriptors().length;
  fifo = join(temporaryDirectory(), 'fifo');
  posix.mkfifo(fifo, 0o600);
});

/** Both ends of the FIFO, with the pipe size that the shim sets. */
function ends(options?: Parameters<typeof openOutput>[1]): { reader: Readable; writer: Writable } {
  // A reader that opens before any writer would read end-of-file at once.
  const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  posix.setPipeSize(hold, MB);
  const writer = openInput(fifo);
  const reader = openOutput(fifo, options);
  posix.close(hold);
  onTestFinished(() => {
    reader.destroy();
    writer.destroy();
    expect(openDescriptors().length).toBe(before);
  });
  return { reader, writer };
}

async function collect(reader: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  reader.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(reader, 'end');
  return Buffer.concat(chunks);
}

describe('a FIFO as a stream', () => {
  it('gives every byte in its order, to a consumer that takes all at once', async () => {
    const { reader, writer } = ends();
    const sent = randomBytes(9 * MB + 4321);
    writer.end(sent);
    expect(digest(await collect(reader))).toBe(digest(sent));
  });

  it('gives every byte in its order, to a consumer that asks for each chunk', async () => {
    const { reader, writer } = ends();
    const sent = randomBytes(5 * MB + 17);
    writer.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of reader) chunks.push(chunk as Buffer);
    expect(digest(Buffer.concat(chunks))).toBe(digest(sent));
  });

  it.each([0, 1, 70_000])('ends for a reader that comes after the last writer, and %i bytes', async (size) => {
    const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    posix.setPipeSize(hold, MB);
    const writer = openInput(fifo);
    writer.end(Buffer.alloc(size, 'x'));
    await once(writer, 'close');
    const reader = openOutput(fifo);
    expect((await collect(reader)).toString()).toBe('x'.repeat(size));
    posix.close(hold);
  });

  it('ends into one buffer, too, for a reader that comes after the last writer', async () => {
    const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openInput(fifo);
    writer.end('late');
    await once(writer, 'close');
    const got: string[] = [];
    const callback = (size: number, bytes: Uint8Array): void =>
      void got.push(Buffer.from(bytes).toString('utf8', 0, size));
    const reader = openOutput(fifo, { onread: { buffer: new Uint8Array(8), callback } });
    await once(reader, 'end');
    expect(got.join('')).toBe('late');
    posix.close(hold);
  });

  it('gives small writes one by one as they come', async () => {
    const { reader, writer } = ends();
    for (const text of ['a', 'bc', 'def']) {
      writer.write(text);
      const [chunk] = (await once(reader, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(text);
    }
  });

  it('gives chunks that stay as they are, the small ones without much memory behind them', async () => {
    const { reader, writer } = ends();
    const sent = [1, 100, 3000, 5000, 40_000, 7, 200_000, 300, 16_384, 12].map((size) => randomBytes(size));
    const kept: Buffer[] = [];
    for (const bytes of [...sent, ...sent]) {
      let left = bytes.length;
      const got = new Promise<void>((resolve) => {
        reader.on('data', function take(chunk: Buffer) {
          kept.push(chunk);
          left -= chunk.length;
          if (left > 0) return;
          reader.off('data', take);
          resolve();
        });
      });
      writer.write(bytes);
      await got;
    }
    expect(digest(Buffer.concat(kept))).toBe(digest(Buffer.concat([...sent, ...sent])));
    const small = kept.filter((chunk) => chunk.length <= 100);
    expect(small.length).toBeGreaterThanOrEqual(6);
    for (const chunk of small) expect(chunk.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
  });

  it('reads only a chunk or two ahead for a consumer that does not read', async () => {
    const { reader, writer } = ends();
    const left = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    writer.write(Buffer.alloc(MB));
    await once(reader, 'readable');
    // By now the stream has read ahead as far as it does.
    await new Promise(setImmediate);
    expect(posix.bytesReadable(left)).toBeGreaterThanOrEqual(MB - 4 * 64 * 1024);
    posix.close(left);
  });

  it('leaves the rest to the next reader if its consumer destroys it', async () => {
    const { reader, writer } = ends();
    const next = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    let taken = 0;
    reader.on('data', (chunk: Buffer) => {
      taken += chunk.length;
      if (taken >= 64 * 1024) reader.destroy();
    });
    writer.write(Buffer.alloc(MB));
    await once(reader, 'close');
    expect(posix.bytesReadable(next)).toBeGreaterThanOrEqual(MB - 3 * 64 * 1024);
    posix.close(next);
  });
});

it.runIf(want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true'])))(
  'where splice(2) is forbidden, a FIFO gives every byte all the same',
  async () => {
    const trace = join(temporaryDirectory(), 'trace');
    const library = new URL('../../dist/index.js', import.meta.url);
    const script = `const { openOutput } = await import('${library.href}');
      const hash = (await import('node:crypto')).createHash('sha256');
      for await (const chunk of openOutput('${fifo}')) hash.update(chunk);
      console.log(hash.digest('hex'));`;
    const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    posix.setPipeSize(hold, MB);
    const writer = openInput(fifo);
    const options = ['-f', '-qq', '-o', trace, '-e', 'trace=splice', '-e', 'inject=splice:error=EPERM'];
    const reader = run('strace', [...options, process.execPath, '--input-type=module', '-e', script]);
    const sent = randomBytes(5 * MB + 7);
    writer.end(sent);
    expect((await reader).stdout.trim()).toBe(digest(sent));
    posix.close(hold);
    // It tries once.
    expect(readFileSync(trace, 'utf8').split('(INJECTED)').length).toBe(2);
  },
);

describe('onread', () => {
  it('is called with all bytes, in one buffer', async () => {
    const buffer = Buffer.alloc(256 * 1024);
    const parts: Buffer[] = [];
    const callback = (size: number, given: Uint8Array): void => {
      expect(given).toBe(buffer);
      parts.push(Buffer.from(given.subarray(0, size)));
    };
    const { reader, writer } = ends({ onread: { buffer, callback } });
    const sent = randomBytes(5 * MB + 99);
    writer.end(sent);
    await once(reader, 'end');
    expect(digest(Buffer.concat(parts))).toBe(digest(sent));
  });

  it('pauses when it returns false, and reads nothing until resume()', async () => {
    const sizes: number[] = [];
    const called: (() => void)[] = [];
    const callback = (size: number): boolean => {
      sizes.push(size);
      called.shift()?.();
      return false;
    };
    const nextCall = (): Promise<void> => new Promise((resolve) => called.push(resolve));
    const { reader, writer } = ends({ onread: { buffer: Buffer.alloc(4), callback } });
    const first = nextCall();
    writer.end('abcdefgh');
    await first;
    expect(reader.isPaused()).toBe(true);
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    expect(sizes).toEqual([4]);
    const second = nextCall();
    reader.resume();
    await second;
    const ended = once(reader, 'end');
    reader.resume();
    await ended;
    expect(sizes).toEqual([4, 4]);
  });

  it('may destroy the stream', async () => {
    const streams: Readable[] = [];
    const callback = (): unknown => streams[0]?.destroy();
    const { reader, writer } = ends({ onread: { buffer: Buffer.alloc(4), callback } });
    streams.push(reader);
    writer.write('abcdefgh');
    await once(reader, 'close');
  });

  it('reads a regular file too', async () => {
    const file = join(temporaryDirectory(), 'log');
    const sent = randomBytes(300_000);
    writeFileSync(file, sent);
    const parts: Buffer[] = [];
    const callback = (size: number, buffer: Uint8Array): void => {
      parts.push(Buffer.from(buffer.subarray(0, size)));
    };
    const reader = openOutput(file, { onread: { buffer: Buffer.alloc(64 * 1024), callback } });
    await once(reader, 'close');
    expect(digest(Buffer.concat(parts))).toBe(digest(sent));
    expect(openDescriptors().length).toBe(before);
  });

  it.each([
    ['no object', 'x', 'ERR_INVALID_ARG_TYPE'],
    ['no buffer', { callback: (): void => undefined }, 'ERR_INVALID_ARG_TYPE'],
    ['an empty buffer', { buffer: Buffer.alloc(0), callback: (): void => undefined }, 'ERR_INVALID_ARG_VALUE'],
    ['no callback', { buffer: Buffer.alloc(1) }, 'ERR_INVALID_ARG_TYPE'],
  ])('is refused with %s', (_, onread, code) => {
    expect(() => openOutput(fifo, { onread: onread as never })).toThrow(expect.objectContaining({ code }) as Error);
    expect(openDescriptors().length).toBe(before);
  });
});

it('an exception of a callback of write() is its own, and not an error of the stream', async () => {
  const uncaught = catchUncaught();
  const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  onTestFinished(() => posix.close(hold));
  const writer = openInput(fifo);
  const mistake = new Error('of the caller');
  // More than the FIFO holds: the callback comes later, from the watch.
  const written = new Promise<void>((resolve) => {
    writer.write(Buffer.alloc(MB), () => {
      resolve();
      throw mistake;
    });
  });
  const reader = openOutput(fifo).resume();
  await written;
  await new Promise((resolve) => writer.write('more', resolve));
  writer.end();
  await once(reader, 'end');
  expect(uncaught).toEqual([mistake]);
});
