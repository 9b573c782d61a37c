/**
 * Node streams on FIFOs that never block a thread: they read and write without waiting, and let the event loop report
 * when the FIFO is ready again. A stream owns its descriptor and closes it. stdio.ts opens it. Behaviour: fifo(7).
 */
import { Writable } from 'node:stream';
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { isAbove } from '../posix/memory.js';
import { closeOwned } from '../posix/owned.js';
import { pollReadable } from '../posix/watch.js';
import { type OnRead, OnReadStream } from './onread.js';
import { PipeReader } from './pipe-reader.js';

/** The size of a chunk in bytes. */
const CHUNK_SIZE = 64 * 1024;

/** The most chunks in one read. More are slower: their memory has left the processor's cache when it is used again. */
const MAX_CHUNKS = 4;

/** A read of fewer bytes is small: they are copied, so that a chunk of a few bytes does not keep 64 KiB. */
const SMALL_READ = 16 * 1024;

/** What small reads fill; nothing is left in it between two of them. */
let scratch: Buffer | undefined;

function copyIfSmall(chunk: Buffer | undefined): Buffer | undefined {
  return chunk !== undefined && chunk.length < SMALL_READ ? Buffer.from(chunk) : chunk;
}

/**
 * Reads a FIFO. Few large reads are faster than many small ones. A read fills several buffers of 64 KiB: the allocator
 * reuses memory of that size, but takes larger ones from the kernel anew.
 */
export class FifoReadable extends OnReadStream {
  readonly #fd: number;
  readonly #reader: PipeReader;
  #isReading = false;
  /** Whether there was a writer since the FIFO was opened. If not, the kernel never reports a hang-up. */
  #getsHangUp = false;
  #watch: posix.Watch | undefined;
  #nextTurn: NodeJS.Immediate | undefined;
  /** Whether the last read was small. */
  #isSmall = true;
  /** Allocated buffers that no read has filled yet. */
  #empty: Buffer[] = [];
  /** The buffer at the highest address so far; no read fills it. */
  #highest: Buffer | undefined;
  /** How many buffers the next read gets: as many as the last one filled, or twice as many if it filled all. */
  #wanted = 1;

  /** Takes ownership of a descriptor of openOwned() that is open for reading, O_NONBLOCK. */
  constructor(fd: number, onRead?: OnRead) {
    super(onRead, { highWaterMark: CHUNK_SIZE });
    this.#fd = fd;
    this.#reader = new PipeReader(fd);
    if (onRead !== undefined) this.resume();
  }

  override pause(): this {
    if (this.onRead !== undefined) this.#stop();
    return super.pause();
  }

  override _read(): void {
    if (this.#isReading || this.destroyed || this.readableEnded) return;
    this.#isReading = true;
    // A push() during _read() takes Readable's slow path.
    this.#nextTurn = setImmediate(() => this.#readSome());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stop();
    this.#freeBuffers();
    this.#reader.close();
    closeOwned(this.#fd);
    callback(error);
  }

  #readSome(): void {
    try {
      if (this.onRead === undefined) this.#readChunks();
      else this.#readInto(this.onRead);
      this.#awaitMore();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #awaitMore(): void {
    if (!this.#isReading || this.#watch !== undefined) return;
    if (this.#getsHangUp) this.#watch = pollReadable(this.#fd, () => this.#readSome());
    else this.#nextTurn = setImmediate(() => this.#readSome());
  }

  #readInto({ buffer, callback }: OnRead): void {
    const size = this.#read(buffer);
    if (size > 0 && callback(size, buffer) === false) this.pause();
  }

  #readChunks(): void {
    if (this.#isSmall) this.#readSmall();
    else this.#readLarge();
  }

  #readSmall(): void {
    scratch ??= Buffer.allocUnsafeSlow(CHUNK_SIZE);
    const size = this.#read(scratch);
    if (size === 0) return;
    this.#isSmall = size < SMALL_READ;
    this.#pushLast(Buffer.from(scratch.subarray(0, size)));
  }

  #readLarge(): void {
    while (this.#empty.length < this.#wanted) this.#empty.push(this.#allocate());
    const size = this.#read(this.#empty);
    if (size === 0) return;
    this.#isSmall = size < SMALL_READ;
    this.#pushAll(size);
    if (this.#isSmall) this.#freeBuffers();
  }

  /**
   * Allocates a buffer, but keeps back the highest one. When chunks are collected, malloc(3) gives the free memory at the
   * end of its heap back to the kernel. The next chunks would take it anew, with a page fault for each 4 KiB. What is in use
   * at the end prevents that until the stream reads little again, or is destroyed.
   */
  #allocate(): Buffer {
    this.#highest ??= Buffer.allocUnsafeSlow(CHUNK_SIZE);
    const buffer = Buffer.allocUnsafeSlow(CHUNK_SIZE);
    if (!isAbove(buffer, this.#highest)) return buffer;
    const next = this.#highest;
    this.#highest = buffer;
    return next;
  }

  #freeBuffers(): void {
    this.#empty = [];
    this.#highest = undefined;
  }

  /** Returns the number of bytes read; 0 if there are none now, or at the end. */
  #read(into: Uint8Array | readonly Uint8Array[]): number {
    const size = this.#reader.read(into);
    if (size === undefined) this.#getsHangUp = true;
    else if (size === 0) this.#end();
    return size ?? 0;
  }

  #pushAll(size: number): void {
    const filled = this.#empty.splice(0, Math.ceil(size / CHUNK_SIZE));
    const isFull = this.#empty.length === 0;
    this.#wanted = isFull ? Math.min(2 * filled.length, MAX_CHUNKS) : filled.length;
    this.#empty.length = Math.min(this.#empty.length, this.#wanted);
    const last = filled.pop()?.subarray(0, size - filled.length * CHUNK_SIZE);
    for (const chunk of filled) this.push(chunk);
    // If this program ends, it loses the bytes that it read and did not use yet. Read less while the consumer is slow.
    if (!this.#pushLast(copyIfSmall(last))) this.#wanted = Math.ceil(this.#wanted / 2);
  }

  /** Pushes the last chunk of a read. False if the consumer wants no more for now: then nothing is read until _read(). */
  #pushLast(chunk: Buffer | undefined): boolean {
    const wantsMore = this.push(chunk);
    if (!wantsMore) this.#stop();
    return wantsMore;
  }

  #end(): void {
    this.#stop();
    this.push(null);
  }

  #stop(): void {
    this.#isReading = false;
    this.#watch?.stop();
    this.#watch = undefined;
    clearImmediate(this.#nextTurn);
  }
}

/** Writes to a FIFO. */
export class FifoWritable extends Writable {
  readonly #fd: number;
  #watch: posix.Watch | undefined;

  /** Takes ownership of a descriptor of openOwned() that is open for writing, O_NONBLOCK. */
  constructor(fd: number) {
    super({ decodeStrings: true });
    this.#fd = fd;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let written = 0;
    const step = (): void => {
      this.#watch = undefined;
      try {
        while (written < chunk.length) written += posix.write(this.#fd, chunk.subarray(written));
      } catch (error) {
        if (hasCode(error, 'EAGAIN')) this.#watch = posix.watchWritable(this.#fd, step);
        else callback(error as Error);
        return;
      }
      // Not in the try: it may call listeners of the caller, whose errors are not ours.
      callback();
    };
    step();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch?.stop();
    closeOwned(this.#fd);
    callback(error);
  }
}
