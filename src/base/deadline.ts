/**
 * The time limit of a whole operation that consists of several steps: each step may take what is left of it. By the
 * monotonic clock.
 */
export class Deadline {
  #atMs: number;

  /** @param limitMs from now on, in milliseconds. */
  constructor(limitMs: number) {
    this.#atMs = performance.now() + limitMs;
  }

  /** What is left, in milliseconds; 0 if it is over. */
  get leftMs(): number {
    return Math.max(0, this.#atMs - performance.now());
  }

  get isOver(): boolean {
    return this.leftMs === 0;
  }

  /** Waits for something that does not count: the time limit is extended by what the wait takes. */
  async without<T>(waiting: Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await waiting;
    } finally {
      this.#atMs += performance.now() - begin;
    }
  }
}
