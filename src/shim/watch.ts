/**
 * Watches a process's `exit` FIFO: its hang-up is the exit event. The shim holds a write end for as long as the process
 * and its clean-up last, and writes no bytes. Holding no reference on the event loop unless somebody waits.
 */
import { closeSync } from 'node:fs';
import { hasWriter, openFifoReader } from '../disk/fifo.js';
import * as posix from '../posix/index.js';

export class ExitWatch {
  /** The read end, or -1 after close(). */
  fd: number;
  /** The hang-up was seen. */
  hungUp = false;
  #watch: posix.Watch | undefined;
  #waiting = 0;
  readonly #onHangUp: () => void;

  private constructor(fd: number, onHangUp: () => void) {
    this.fd = fd;
    this.#onHangUp = onHangUp;
  }

  /**
   * Opens the FIFO before the shim is started: the shim's coming and going is then always seen.
   * `onHangUp` is called once, never synchronously.
   */
  static beforeStart(path: string, onHangUp: () => void): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), onHangUp);
    watch.#arm();
    return watch;
  }

  /**
   * Opens the FIFO of a process that another supervisor started. A shim that is gone would never be heard of, so the
   * FIFO is read first: end-of-file says that no shim holds it.
   */
  static ofStarted(path: string, onHangUp: () => void): ExitWatch {
    const watch = new ExitWatch(openFifoReader(path), onHangUp);
    if (hasWriter(watch.fd)) watch.#arm();
    else watch.hungUp = true;
    return watch;
  }

  /** Whether the shim has left (or, before it has opened the FIFO, is not there yet). */
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
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  #arm(): void {
    this.#watch = posix.watchReadable(this.fd, () => {
      // Bytes that a stranger wrote are read away by hasWriter(); only the hang-up counts.
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
