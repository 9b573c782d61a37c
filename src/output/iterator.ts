/**
 * The async generator that callers get, over one that gives batches of items. It can be ended while it waits: return() of an
 * ordinary one takes effect when the next item has come, which may be never; here it frees everything at once, and so does the
 * signal's abort. Does not know what the items are.
 */

/** The reason by which a generator learns that return() or throw() was called. */
const STOPPED = Symbol('stopped');
const DONE = { done: true, value: undefined } as const;

export class ItemIterator<T> implements AsyncGenerator<T, void, void> {
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #batches: AsyncGenerator<readonly T[], void, void>;
  #batch: readonly T[] = [];
  /** How many items of the batch were given. */
  #given = 0;
  /** The last call of next() that had to wait: calls are answered in their order. */
  #waiting: Promise<unknown> | undefined;
  #isListening = false;
  #isOver = false;
  /** Set when the signal has aborted: settles when everything is freed. */
  #freed: Promise<unknown> | undefined;

  /** @param make makes the generator. When its signal aborts, it must throw that one's reason soon, also while it waits. */
  constructor(make: (stop: AbortSignal) => AsyncGenerator<readonly T[], void, void>, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#batches = make(this.#stop.signal);
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#waiting === undefined && !this.#isOver && this.#given < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#given++] as T });
    }
    const answer = this.#answer(this.#waiting);
    const waiting = answer
      .catch(() => undefined)
      .finally(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
    return answer;
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#finish();
    this.#stop.abort(STOPPED);
    await this.#batches.return();
    return DONE;
  }

  async throw(error: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #answer(before: Promise<unknown> | undefined): Promise<IteratorResult<T, void>> {
    await before;
    if (this.#isOver) return DONE;
    this.#listen();
    try {
      while (this.#freed === undefined && this.#given >= this.#batch.length) {
        const { done, value } = await this.#batches.next();
        if (done === true) break;
        [this.#batch, this.#given] = [value, 0];
      }
      if (this.#freed !== undefined) {
        await this.#freed;
        throw this.#signal?.reason;
      }
    } catch (error) {
      this.#finish();
      if (error === STOPPED) return DONE;
      throw error;
    }
    // return() leaves no batch.
    if (this.#given < this.#batch.length) return { done: false, value: this.#batch[this.#given++] as T };
    this.#finish();
    return DONE;
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    if (this.#signal?.aborted === true) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort);
  }

  /** If the generator is between two batches, this ends it; if it is at work, the signal does. */
  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#batch = [];
    this.#stop.abort(reason);
    this.#freed = this.#batches.throw(reason).catch(() => undefined);
  };

  #finish(): void {
    this.#isOver = true;
    this.#batch = [];
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
