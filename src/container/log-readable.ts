/**
 * A stream of one stream's bytes in a process's log. Does not read the log's files: output/ does.
 */
import type { OutputItem } from '../output/options.js';
import { type OnRead, OnReadStream } from '../stdio/onread.js';

/** Emits `gap`, with a number of bytes, where bytes are missing. */
export class LogReadable extends OnReadStream {
  readonly #items: AsyncGenerator<OutputItem, void, void>;
  #isReading = false;
  /** With `onread`: what the callback was not given yet, as it paused the stream. */
  #rest: Buffer | undefined;

  /** @param items of one stream. It is ended if the stream is destroyed. */
  constructor(items: AsyncGenerator<OutputItem, void, void>, onread?: OnRead) {
    super(onread);
    this.#items = items;
    if (onread !== undefined) this.resume();
  }

  override _read(): void {
    if (this.#isReading || this.destroyed || this.readableEnded) return;
    this.#isReading = true;
    void this.#readSome();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#items.return().then(
      () => callback(error),
      (failure: unknown) => callback(error ?? (failure as Error)),
    );
  }

  async #readSome(): Promise<void> {
    try {
      while (this.#give(this.#rest)) {
        const { value: item, done } = await this.#items.next();
        if (this.destroyed) return;
        if (done === true) return void this.push(null);
        if (item.type === 'gap') this.emit('gap', item.bytes);
        if (item.type === 'data') this.#rest = item.data;
      }
      this.#isReading = false;
    } catch (error) {
      if (!this.destroyed) this.destroy(error as Error);
    }
  }

  /** Returns whether the consumer wants more. */
  #give(data: Buffer | undefined): boolean {
    this.#rest = undefined;
    if (this.onRead === undefined) return data === undefined || this.push(data);
    const { buffer, callback } = this.onRead;
    let rest = data ?? Buffer.alloc(0);
    while (rest.length > 0 && !this.isPaused()) {
      const size = Math.min(rest.length, buffer.length);
      buffer.set(rest.subarray(0, size));
      rest = rest.subarray(size);
      if (callback(size, buffer) === false) this.pause();
    }
    if (rest.length > 0) this.#rest = rest;
    return !this.isPaused();
  }
}
