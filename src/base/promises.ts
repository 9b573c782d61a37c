/** Promise helpers that Node 20 does not have. Each one leaves no timer and no listener behind. */

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** As `Promise.withResolvers()`. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** Who waits: told once, by either. */
export type Waiter<T> = Pick<Deferred<T>, 'resolve' | 'reject'>;

/**
 * Those who wait for one event. Each waits on a promise of its own, so one that gives up leaves nothing behind. A promise
 * that lives as long as its process would keep a reaction of everyone who ever raced it.
 */
export class Waiters<T> {
  /** Mostly there is one or none, and there may be thousands of these objects: a set takes 200 bytes. */
  #first: Waiter<T> | undefined;
  #others: Set<Waiter<T>> | undefined;

  /** How many wait. */
  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  add(waiter: Waiter<T>): void {
    if (this.#first === undefined) this.#first = waiter;
    else (this.#others ??= new Set()).add(waiter);
  }

  delete(waiter: Waiter<T>): void {
    if (this.#first === waiter) this.#first = undefined;
    else this.#others?.delete(waiter);
  }

  /** Settles at the next resolve() or reject(), or rejects with the signal's reason if that aborts first. */
  async wait(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const own = deferred<T>();
    const onAbort = (): void => own.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.add(own);
    try {
      return await own.promise;
    } finally {
      this.delete(own);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** As wait(), but resolves with undefined after `limitMs` milliseconds. */
  async waitAtMost(limitMs: number): Promise<T | undefined> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), Math.min(limitMs, MAX_TIMER_MS));
    try {
      return await this.wait(limit.signal);
    } catch (error) {
      if (error === limit.signal.reason) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  resolve(value: T): void {
    for (const waiter of this.#all()) waiter.resolve(value);
  }

  /** @param reason makes the error; called only if somebody waits. */
  reject(reason: () => unknown): void {
    if (this.size === 0) return;
    const error = reason();
    for (const waiter of this.#all()) waiter.reject(error);
  }

  #all(): Waiter<T>[] {
    return [...(this.#first === undefined ? [] : [this.#first]), ...(this.#others ?? [])];
  }
}

/** A timer of Node.js that is longer than this, in milliseconds, fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Settles as `promise` does, or resolves with undefined after `limitMs` milliseconds. Not for a promise that outlives many
 * such calls: it keeps a reaction of each. {@link Waiters} does not.
 */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const { promise: late, resolve } = deferred<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.min(limitMs, MAX_TIMER_MS));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
