/** Pseudo-random numbers from a seed, so that a round can be played again. */

/** A generator of its own for each round, so that a round does not depend on those before it. */
export class Random {
  #state;

  constructor(/** @type {number} */ seed, /** @type {number} */ stream = 0) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 0 up to, not including, 1 (mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `min` to `max`, both included. */
  int(/** @type {number} */ min, /** @type {number} */ max) {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True this often: 0 never, 1 always. */
  chance(/** @type {number} */ probability) {
    return this.next() < probability;
  }

  /**
   * One of them.
   * @template T
   * @param {readonly T[]} items
   * @returns {T}
   */
  pick(items) {
    return /** @type {T} */ (items[this.int(0, items.length - 1)]);
  }

  bytes(/** @type {number} */ length) {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)));
  }
}
