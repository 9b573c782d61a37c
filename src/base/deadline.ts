/**
 * The time limit of a whole operation that consists of several steps: each step may take what is left of it. By the
 * monotonic clock.
 */

/**
 * Below this many milliseconds it is over: no step can be done in them. A timer may also fire this much too early, because
 * it counts from the beginning of the turn of the event loop in which it was set.
 */
const OVER_MS = 10;

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
    return this.leftMs < OVER_MS;
  }

  /** What is left, or a few milliseconds more, for a last step that should have a chance. */
  orAtLeast(limitMs: number): Deadline {
    return new Deadline(Math.max(this.leftMs, limitMs));
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
