// The memory of a stream's chunks: each has its own, which stays as it is; the stream keeps back the buffer at the end of
// the heap while it reads much (src/stdio/streams.ts), and no longer.
import { once } from 'node:events';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openInput, openOutput, posix } from '../../src/index.js';
import { isAbove } from '../../src/posix/memory.js';
import { openDescriptors, temporaryDirectory } from '../posix/helpers.js';
import { collectGarbage } from '../support/garbage.js';

const MB = 1024 * 1024;
const CHUNK_SIZE = 64 * 1024;

let before: number;
let reader: Readable;
let writer: Writable;

beforeEach(() => {
  before = openDescriptors().length;
  const fifo = join(temporaryDirectory(), 'fifo');
  posix.mkfifo(fifo, 0o600);
  const hold = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  posix.setPipeSize(hold, MB);
  writer = openInput(fifo);
  reader = openOutput(fifo);
  posix.close(hold);
});

afterEach(() => {
  reader.destroy();
  writer.destroy();
  expect(openDescriptors().length).toBe(before);
});

/** Bytes that differ at each position: the n-th word of four bytes is n. */
function numbered(size: number): Buffer {
  const words = new Uint32Array(size / 4);
  for (let i = 0; i < words.length; i++) words[i] = i;
  return Buffer.from(words.buffer);
}

/** Writes `sent`, and takes the chunks until all of it came. */
async function pass(sent: Buffer, take: (chunk: Buffer) => void): Promise<void> {
  let left = sent.length;
  await new Promise<void>((resolve) => {
    const onData = (chunk: Buffer): void => {
      left -= chunk.length;
      take(chunk);
      if (left > 0) return;
      reader.off('data', onData);
      resolve();
    };
    reader.on('data', onData);
    writer.write(sent);
  });
}

it('keeps what consumers keep as it is: chunks, parts of them, and memory that was transferred', async () => {
  const sent = numbered(64 * MB);
  const kept: { at: number; bytes: Uint8Array }[] = [];
  const garbage: Promise<void>[] = [];
  let at = 0;
  let count = 0;
  await pass(sent, (chunk) => {
    const turn = count++ % 8;
    if (turn === 0) kept.push({ at, bytes: chunk });
    if (turn === 1) kept.push({ at: at + 100, bytes: chunk.subarray(100, 200) });
    if (turn === 2 && chunk.length === chunk.buffer.byteLength) {
      const moved = structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] });
      expect(chunk.length).toBe(0);
      kept.push({ at, bytes: new Uint8Array(moved) });
      at += moved.byteLength;
    }
    at += chunk.length;
    if (count % 200 === 0) garbage.push(collectGarbage());
  });
  await Promise.all(garbage);
  expect(at).toBe(sent.length);
  expect(kept.length).toBeGreaterThan(200);
  for (const { at, bytes } of kept) {
    if (!sent.subarray(at, at + bytes.length).equals(bytes)) expect.fail(`the bytes from ${at} on are others`);
  }
});

/** Runs `task`, and returns the buffers of a chunk's size that were allocated meanwhile. A mock would keep them. */
async function allocatedBy(task: () => Promise<void>): Promise<Buffer[]> {
  const made: Buffer[] = [];
  const own = Object.getOwnPropertyDescriptors(Buffer).allocUnsafeSlow;
  const allocate = Buffer.allocUnsafeSlow.bind(Buffer);
  Buffer.allocUnsafeSlow = (size) => {
    const buffer = allocate(size);
    if (size === CHUNK_SIZE) made.push(buffer);
    return buffer;
  };
  try {
    await task();
  } finally {
    Object.defineProperty(Buffer, 'allocUnsafeSlow', own);
  }
  return made;
}

/** Reads much, and gives a weak reference to the buffer that lies highest, and those that became chunks. */
async function readMuch(): Promise<{ highest: WeakRef<ArrayBufferLike>; handedOut: Set<ArrayBufferLike> }> {
  const handedOut = new Set<ArrayBufferLike>();
  // So that the one for small reads, which all streams share, is not among them.
  await pass(numbered(CHUNK_SIZE), () => undefined);
  const made = await allocatedBy(() => pass(numbered(8 * MB), (chunk) => handedOut.add(chunk.buffer)));
  const highest = made.reduce((high, buffer) => (isAbove(buffer, high) ? buffer : high));
  expect(made.filter((buffer) => handedOut.has(buffer.buffer)).length).toBeGreaterThan(64);
  return { highest: new WeakRef(highest.buffer), handedOut };
}

/** Whether the highest buffer still is there, when all chunks are garbage. */
async function isKept(highest: WeakRef<ArrayBufferLike>): Promise<boolean> {
  for (let i = 0; i < 3; i++) await collectGarbage();
  return highest.deref() !== undefined;
}

it('never gives the highest of its buffers to the consumer, and keeps it', async () => {
  const { highest, handedOut } = await readMuch();
  expect(handedOut.has(highest.deref() as ArrayBuffer)).toBe(false);
  handedOut.clear();
  expect(await isKept(highest)).toBe(true);
});

it('frees it when it reads little', async () => {
  const { highest, handedOut } = await readMuch();
  handedOut.clear();
  await pass(numbered(100), () => undefined);
  expect(await isKept(highest)).toBe(false);
});

it('frees it when it is destroyed', async () => {
  const { highest, handedOut } = await readMuch();
  handedOut.clear();
  reader.destroy();
  await once(reader, 'close');
  expect(await isKept(highest)).toBe(false);
});
