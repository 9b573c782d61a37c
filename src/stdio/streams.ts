/**
 * Streams on FIFOs that never block a thread: what is there is read, room that is there is written to, and the event
 * loop tells when there is more. A stream owns its descriptor.
 */
import { closeSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';

/** Of one chunk, in bytes. */
const CHUNK_SIZE = 64 * 1024;

/** A read takes at most so many chunks: all of the largest pipe that an unprivileged user may have. */
const MAX_CHUNKS = 16;

/** One buffer for all that is read, in place of a new one for each chunk; as `net.connect()` has it. */
export interface OnRead {
  /** Read into again and again; 256 KiB or more is fast. */
  buffer: Uint8Array;
  /**
   * Called for each read, in place of a `data` event.
   * @param bytesRead how many bytes at the beginning of `buffer` are new.
   * @returns false to pause the stream, until its `resume()`.
   */
  callback: (bytesRead: number, buffer: Uint8Array) => unknown;
}

/**
 * Reads a FIFO. While a pipe is read its writer waits, and the other way round, so few large reads are faster than many
 * small ones; and into several buffers, as memory of 64 KiB comes back from the collector ready for use and that of 1 MiB
 * anew from the kernel.
 */
export class FifoReadable extends Readable {
  readonly #fd: number;
  readonly #onRead: OnRead | undefined;
  #isReading = false;
  /** There was a writer since it was opened. A reader that came after the last one would never hear of a hang-up. */
  #hearsHangUp = false;
  #watch: posix.Watch | undefined;
  #nextTurn: NodeJS.Immediate | undefined;
  /** Made, not filled yet. */
  #empty: Buffer[] = [];
  /** How many the next read is given: what the last ones have filled. */
  #wanted = 1;

  /** Takes over a descriptor that is open for reading, O_NONBLOCK. */
  constructor(fd: number, onRead?: OnRead) {
    super({ highWaterMark: CHUNK_SIZE });
    this.#fd = fd;
    this.#onRead = onRead;
    if (onRead !== undefined) this.resume();
  }

  /** Nothing is ever pushed where `onread` takes it, so the stream itself would not ask again. */
  override resume(): this {
    super.resume();
    if (this.#onRead !== undefined) this._read();
    return this;
  }

  override pause(): this {
    if (this.#onRead !== undefined) this.#stop();
    return super.pause();
  }

  override _read(): void {
    if (this.#isReading || this.destroyed || this.readableEnded) return;
    this.#isReading = true;
    // What is pushed in the middle of _read() takes the stream's slow way.
    this.#nextTurn = setImmediate(() => this.#readSome());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stop();
    this.#empty = [];
    closeSync(this.#fd);
    callback(error);
  }

  #readSome(): void {
    try {
      if (this.#onRead === undefined) this.#readChunks();
      else this.#readInto(this.#onRead);
      this.#awaitMore();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #awaitMore(): void {
    if (!this.#isReading) return;
    if (this.#hearsHangUp) this.#watch = posix.watchReadable(this.#fd, () => this.#readSome());
    else this.#nextTurn = setImmediate(() => this.#readSome());
  }

  #readInto({ buffer, callback }: OnRead): void {
    const size = this.#read(buffer);
    if (size > 0 && callback(size, buffer) === false) this.pause();
  }

  #readChunks(): void {
    while (this.#empty.length < this.#wanted) this.#empty.push(Buffer.allocUnsafeSlow(CHUNK_SIZE));
    const size = this.#read(this.#empty);
    if (size > 0) this.#pushAll(size);
  }

  /** @returns bytes read; 0 when there are none for now, or no more. */
  #read(into: Uint8Array | readonly Uint8Array[]): number {
    const size = posix.tryRead(this.#fd, into);
    if (size === undefined) this.#hearsHangUp = true;
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
    if (this.push(last)) return;
    this.#isReading = false;
    // What is taken from the FIFO and not wanted yet would be lost with this program: no more of it than must be.
    this.#wanted = Math.ceil(this.#wanted / 2);
  }

  #end(): void {
    this.#isReading = false;
    this.push(null);
  }

  #stop(): void {
    this.#isReading = false;
    this.#watch?.stop();
    clearImmediate(this.#nextTurn);
  }
}

/** Writes to a FIFO. */
export class FifoWritable extends Writable {
  readonly #fd: number;
  #watch: posix.Watch | undefined;

  /** Takes over a descriptor that is open for writing, O_NONBLOCK. */
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
        callback();
      } catch (error) {
        if (hasCode(error, 'EAGAIN')) this.#watch = posix.watchWritable(this.#fd, step);
        else callback(error as Error);
      }
    };
    step();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch?.stop();
    closeSync(this.#fd);
    callback(error);
  }
}
