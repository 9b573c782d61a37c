/**
 * An async generator that can be ended while it waits. return() of an ordinary one takes effect when the next item has come,
 * which may be never; here it frees everything at once, and so does the signal's abort. Does not know what the items are.
 */

/** The reason by which a generator learns that return() or throw() was called. */
const STOPPED = Symbol('stopped');

export class StoppableItems<T> implements AsyncGenerator<T, void, void> {
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #items: AsyncGenerator<T, void, void>;
  #isListening = false;
  #isOver = false;
  /** Set when the signal has aborted: settles when everything is freed. */
  #freed: Promise<unknown> | undefined;

  /** @param make makes the generator. When its signal aborts, it must throw that one's reason soon, also while it waits. */
  constructor(make: (stop: AbortSignal) => AsyncGenerator<T, void, void>, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#items = make(this.#stop.signal);
  }

  async next(): Promise<IteratorResult<T, void>> {
    if (!this.#isListening && !this.#isOver) {
      this.#isListening = true;
      if (this.#signal?.aborted === true) this.#onAbort();
      else this.#signal?.addEventListener('abort', this.#onAbort);
    }
    if (this.#freed !== undefined && !this.#isOver) {
      this.#finish();
      await this.#freed;
      throw this.#signal?.reason;
    }
    try {
      const result = await this.#items.next();
      if (result.done === true) this.#finish();
      return result;
    } catch (error) {
      this.#finish();
      if (error === STOPPED) return { done: true, value: undefined };
      throw error;
    }
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#finish();
    this.#stop.abort(STOPPED);
    return this.#items.return();
  }

  async throw(error: unknown): Promise<IteratorResult<T, void>> {
    this.#finish();
    this.#stop.abort(STOPPED);
    return this.#items.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** If the generator is between two items, this ends it; if it is at work, the signal does. */
  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#stop.abort(reason);
    this.#freed = this.#items.throw(reason).catch(() => undefined);
  };

  #finish(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
