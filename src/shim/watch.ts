/**
 * Watches a process's `exit` FIFO: its hang-up is the exit event. The shim holds a write end until the process has
 * ended and its container is deleted, and writes no bytes. The watch keeps the event loop alive only if it is told to.
 */
import { hasWriter, openFifoReader } from '../disk/fifo.js';
import { type HangUpListener, forgetHangUp, hold, onHangUp, release } from '../posix/hang-ups.js';
import { closeOwned } from '../posix/owned.js';

/** Who is told that a shim has left. An object, and no function: there may be thousands of them. */
export interface ShimListener {
  /** Called once, never synchronously. */
  onShimLeft(): void;
}

export class ExitWatch implements HangUpListener {
  /** The read end, or -1 after close(). */
  fd: number;
  /** Whether the hang-up was seen. */
  hungUp = false;
  #isWatching = false;
  #keepsAlive = false;
  readonly #listener: ShimListener | undefined;

  private constructor(fd: number, listener: ShimListener | undefined) {
    this.fd = fd;
    this.#listener = listener;
  }

  /** Opens the FIFO before the shim is started. Then the hang-up can't be missed. */
  static beforeStart(path: string, listener: ShimListener): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), listener);
    watch.#begin();
    return watch;
  }

  /**
   * Opens the FIFO of a process that was started before. If its shim has left, no hang-up will come. So this reads the
   * FIFO first: end-of-file means that no shim holds it.
   * @param listener undefined: nobody is to be told.
   */
  static ofStarted(path: string, listener: ShimListener | undefined): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), listener);
    if (!hasWriter(watch.fd)) watch.hungUp = true;
    else if (listener !== undefined) watch.#begin();
    return watch;
  }

  /** Whether no shim holds the FIFO: it has left, or has not opened it yet. */
  get shimGone(): boolean {
    return this.hungUp || this.fd < 0 || !hasWriter(this.fd);
  }

  /** Sets whether it keeps the event loop alive. At first it does not. After the hang-up it does not either. */
  keepAlive(on: boolean): void {
    if (this.#keepsAlive === on) return;
    this.#keepsAlive = on;
    if (this.#isWatching) (on ? hold : release)();
  }

  /** Stops watching and closes the descriptor. The process is not touched. */
  close(): void {
    this.#end();
    if (this.fd >= 0) closeOwned(this.fd);
    this.fd = -1;
  }

  onHangUp(): void {
    this.hungUp = true;
    this.#end();
    this.#listener?.onShimLeft();
  }

  #begin(): void {
    try {
      onHangUp(this.fd, this);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#isWatching = true;
  }

  #end(): void {
    if (!this.#isWatching) return;
    this.#isWatching = false;
    if (this.#keepsAlive) release();
    forgetHangUp(this.fd);
  }
}
