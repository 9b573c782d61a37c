/**
 * Watches a process's `exit` FIFO: its hang-up is the exit event. The shim holds a write end until the process has
 * ended and its container is deleted, and writes no bytes. The watch keeps the event loop alive only during hold().
 */
import { hasWriter, openFifoReader } from '../disk/fifo.js';
import * as posix from '../posix/index.js';
import { closeOwned } from '../posix/owned.js';

export class ExitWatch {
  /** The read end, or -1 after close(). */
  fd: number;
  /** Whether the hang-up was seen. */
  hungUp = false;
  #watch: posix.Watch | undefined;
  #waiting = 0;
  readonly #onHangUp: () => void;

  private constructor(fd: number, onHangUp: () => void) {
    this.fd = fd;
    this.#onHangUp = onHangUp;
  }

  /**
   * Opens the FIFO before the shim is started. Then the hang-up can't be missed.
   * `onHangUp` is called once, never synchronously.
   */
  static beforeStart(path: string, onHangUp: () => void): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), onHangUp);
    watch.#arm();
    return watch;
  }

  /**
   * Opens the FIFO of a process that was started before. If its shim has left, no hang-up will come. So this reads the
   * FIFO first: end-of-file means that no shim holds it.
   */
  static ofStarted(path: string, onHangUp: () => void): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), onHangUp);
    if (hasWriter(watch.fd)) watch.#arm();
    else watch.hungUp = true;
    return watch;
  }

  /** Whether no shim holds the FIFO: it has left, or has not opened it yet. */
  get shimGone(): boolean {
    return this.hungUp || this.fd < 0 || !hasWriter(this.fd);
  }

  /** Keeps the event loop alive until the returned function is called. */
  hold(): () => void {
    if (this.#waiting++ === 0) this.#watch?.ref();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#waiting === 0) this.#watch?.unref();
    };
  }

  /** Stops watching and closes the descriptor. The process is not touched. */
  close(): void {
    this.#stop();
    if (this.fd >= 0) closeOwned(this.fd);
    this.fd = -1;
  }

  #arm(): void {
    this.#watch = posix.watchReadable(this.fd, () => {
      // hasWriter() reads and drops bytes that a stranger wrote; only the hang-up counts.
      if (hasWriter(this.fd)) {
        this.#arm();
        return;
      }
      this.hungUp = true;
      this.#stop();
      this.#onHangUp();
    });
    if (this.#waiting === 0) this.#watch.unref();
  }

  #stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }
}
