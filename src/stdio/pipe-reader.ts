/**
 * Reads a FIFO without waiting. If there is much to read, it goes by way of a pipe of its own, so that reader and writer do not
 * exclude each other while bytes are copied. Does not own the FIFO's descriptor. Behaviour: pipe(7), splice(2).
 */
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { closeOwned, pipeOwned, tryReadThrough } from '../posix/owned.js';

/** Who reads so many bytes at once is slower than the writer. */
const MUCH_BYTES = 64 * 1024;

export class PipeReader {
  readonly #fd: number;
  #ends: readonly [readEnd: number, writeEnd: number] | undefined;
  #isPlain = false;

  /** @param fd open for reading, O_NONBLOCK. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * As posix.tryRead(). What was taken from the FIFO is in the buffers when it returns, nothing is held back.
   * @returns the number of bytes read; 0 at the end; undefined if there is nothing to read yet.
   * @throws a system error, as posix.tryRead().
   */
  read(into: Uint8Array | readonly Uint8Array[]): number | undefined {
    if (this.#ends !== undefined) {
      try {
        return tryReadThrough(this.#fd, this.#ends, into instanceof Uint8Array ? [into] : into);
      } catch {
        // Nothing was taken; a seccomp filter may forbid splice(2). If the FIFO itself is at fault, read(2) says so.
        this.#isPlain = true;
        this.close();
      }
    }
    const size = posix.tryRead(this.#fd, into);
    if (size !== undefined && size >= MUCH_BYTES && !this.#isPlain) this.#openPipe();
    return size;
  }

  close(): void {
    for (const fd of this.#ends ?? []) closeOwned(fd);
    this.#ends = undefined;
  }

  #openPipe(): void {
    try {
      // Fails if the FIFO is something else.
      const size = posix.getPipeSize(this.#fd);
      this.#ends = pipeOwned();
      posix.setPipeSize(this.#ends[1], size);
    } catch (error) {
      if (this.#ends === undefined) this.#isPlain = true;
      // A user may have so many pages in pipes only: then it stays small, and takes more calls.
      else if (!hasCode(error, 'EPERM')) throw error;
    }
  }
}
