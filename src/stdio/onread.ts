/** What the streams with the option `onread` have in common: they give what they read to a callback, in the caller's buffer. */
import { Readable, type ReadableOptions } from 'node:stream';

/** Reads into one buffer of the caller, as the option `onread` of `net.connect()` does. */
export interface OnRead {
  /** The buffer, which each read overwrites; at least one byte, 256 KiB or more is fast. */
  buffer: Uint8Array;
  /**
   * Called after each read, in place of a `data` event.
   * @param bytesRead the number of new bytes at the beginning of `buffer`.
   * @returns false to pause the stream until `resume()` is called.
   */
  callback: (bytesRead: number, buffer: Uint8Array) => unknown;
}

/** A stream that pushes what it reads, or with `onread` gives it to the callback. */
export abstract class OnReadStream extends Readable {
  protected readonly onRead: OnRead | undefined;

  constructor(onread: OnRead | undefined, options?: ReadableOptions) {
    super(options);
    this.onRead = onread;
  }

  abstract override _read(): void;

  /** With `onread` nothing is pushed, so Readable would not call _read() again by itself. */
  override resume(): this {
    super.resume();
    if (this.onRead !== undefined) this._read();
    return this;
  }
}
