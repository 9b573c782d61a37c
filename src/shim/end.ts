/**
 * Tells of the end of a shim that this program started. A shim lives as long as its process: so nothing is kept of a listener
 * that does not wait any more, as a promise would keep a reaction of each.
 */
export class ShimEnd {
  #hasEnded = false;
  #listener: (() => void) | undefined;

  constructor(exited: Promise<unknown>) {
    const ended = (): void => {
      this.#hasEnded = true;
      this.#listener?.();
    };
    exited.then(ended, ended);
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
