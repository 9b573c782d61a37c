/**
 * Tells of the end of a shim that this program started. A shim lives as long as its process: so nothing is kept of a listener
 * that does not wait any more, as a promise would keep a reaction of each.
 */

/** What is needed of the result of posix.spawn(). */
interface DetachedShim {
  readonly exited: Promise<unknown>;
  release(): boolean;
}

export class ShimEnd {
  readonly #shim: DetachedShim;
  #hasEnded = false;
  #listener: (() => void) | undefined;

  constructor(shim: DetachedShim) {
    this.#shim = shim;
    const ended = (): void => {
      this.#hasEnded = true;
      this.#listener?.();
    };
    shim.exited.then(ended, ended);
  }

  /**
   * Frees the shim's pidfd, if this program need not reap the shim: then nothing is told any more.
   * @returns whether it did.
   */
  release(): boolean {
    return !this.#hasEnded && this.#shim.release();
  }

  /** Sets the one listener; undefined removes it. It is never called synchronously; soon, if the shim has ended already. */
  onEnd(listener: (() => void) | undefined): void {
    this.#listener = listener;
    if (!this.#hasEnded || listener === undefined) return;
    queueMicrotask(() => {
      if (this.#listener === listener) listener();
    });
  }
}
