import { Queue } from './queue.js';

/** Admits a limited number of callers at a time; the others wait in the order of their calls. */
export class Limiter {
  readonly #waiting = new Queue<() => void>();
  #free: number;

  /** @param width how many may be inside at a time, at least 1. */
  constructor(width: number) {
    this.#free = width;
  }

  /** Resolves when there is room. The caller must call the result once, when it leaves; later calls do nothing. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    // leave() hands its place over, so that nobody who comes later gets it.
    else await new Promise<void>((admit) => this.#waiting.push(admit));
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      const admit = this.#waiting.take();
      if (admit === undefined) this.#free++;
      else admit();
    };
  }
}
