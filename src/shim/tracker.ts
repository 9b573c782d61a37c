/**
 * Follows one process to its one definite end: what `exitStatus` says as soon as it is there, and at the latest at the
 * exit FIFO's hang-up, which comes when the shim has cleaned up. Owns the watches; knows nothing of pids and signals.
 */
import { DirWatch } from '../disk/directory-watch.js';
import { OutliveError } from '../base/errors.js';
import { ExitWatch } from './watch.js';
import { type Exit, isRecorded, readExit } from '../state/exit.js';
import type { Spawned } from '../posix/index.js';
import { type Deferred, abortable, deferred, within } from '../base/promises.js';
import { hasShim, isShimComing, reattach } from './attach.js';
import { EXIT_STATUS_FILE, type ProcessDir } from '../state/process.js';

/** When the end can't be read for want of descriptors or memory, it is read again: it is not lost. */
const RETRY_MS = 100;

/** How often a shim is looked for that was started and has not opened `exit` yet. It does so first of all. */
const COMING_POLL_MS = 20;

export class Tracker {
  readonly #dir: ProcessDir;
  readonly #onLost: () => void;
  /** Its end is recorded, or lost; made for the first who waits. */
  #ended: Deferred<Exit> | undefined;
  /** The shim has cleaned up, too; made for the first who waits. */
  #cleaned: Deferred<Exit> | undefined;
  #watch: ExitWatch | undefined;
  #changes: DirWatch | undefined;
  /** The end, once the shim has cleaned up. */
  #exit: Exit | undefined;
  #counts = false;
  #retry: NodeJS.Timeout | undefined;
  #coming: NodeJS.Timeout | undefined;

  /** `onLost` is called once, when the process was started and nobody recorded its end. */
  constructor(dir: ProcessDir, onLost: () => void) {
    this.#dir = dir;
    this.#onLost = onLost;
  }

  /** The exit FIFO's descriptor, -1 when it is not open. */
  get fd(): number {
    return this.#watch?.fd ?? -1;
  }

  /** Before the shim is spawned, so that its leaving can't be missed. */
  open(): void {
    this.#watch = ExitWatch.beforeStart(this.#dir.exitFifo, () => this.#shimGone());
  }

  /** The process has started: from here on its end counts, also one that came meanwhile. */
  begin(shim: Spawned, changes: DirWatch | undefined): void {
    this.#counts = true;
    this.#listen(changes);
    // As its parent we hear of the shim's end even where it never opened `exit`.
    shim.exited.then(
      () => this.#shimGone(),
      () => undefined,
    );
    shim.unref();
    if (this.#watch?.hungUp === true) this.#shimGone();
  }

  /** A process that another supervisor started, whatever became of it. */
  attach(): void {
    this.#counts = true;
    const { watch, exit, isComing } = reattach(this.#dir, () => this.#shimGone());
    this.#watch = watch;
    if (isComing) this.#awaitShim();
    try {
      if (exit !== undefined) this.#settle(exit);
      else this.#listen(DirWatch.open(this.#dir.path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The end, if it is known by now, though its event may not have come yet. */
  known(): Exit | undefined {
    if (this.#exit !== undefined || !this.#counts) return this.#exit;
    // This order: the shim records the status before it leaves.
    const gone = this.#watch === undefined ? !hasShim(this.#dir) : this.#watch.shimGone;
    const concluded = gone ? this.#conclude() : undefined;
    if (concluded !== undefined) return concluded;
    if (!isRecorded(this.#dir)) return undefined;
    const exit = readExit(this.#dir);
    return exit.status === undefined ? undefined : exit;
  }

  /** Watches again after close(). */
  reopen(): void {
    if (this.#counts && this.#exit === undefined && this.#watch === undefined) this.attach();
  }

  /**
   * Waits until the shim has cleaned up after the end: it has left, or only holds what nobody has read.
   * @returns the end; undefined when that takes longer than `limitMs`.
   */
  async cleanedUp(limitMs: number): Promise<Exit | undefined> {
    this.known();
    this.reopen();
    if (this.#exit !== undefined) return this.#exit;
    this.#cleaned ??= deferred();
    return this.#keepAlive(within(this.#cleaned.promise, limitMs));
  }

  /** Waits for the end, and keeps the event loop alive meanwhile. */
  async wait(signal: AbortSignal | undefined): Promise<Exit> {
    signal?.throwIfAborted();
    const known = this.known();
    if (known !== undefined) return known;
    if (this.#watch === undefined) throw closedError();
    this.#ended ??= deferred();
    return this.#keepAlive(signal === undefined ? this.#ended.promise : abortable(this.#ended.promise, signal));
  }

  async #keepAlive<T>(waiting: Promise<T>): Promise<T> {
    const release = this.#watch?.hold();
    this.#coming?.ref();
    try {
      return await waiting;
    } finally {
      release?.();
    }
  }

  /** Stops watching and frees the descriptor; waits in progress reject. */
  close(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#coming);
    this.#watch?.close();
    this.#watch = undefined;
    this.#retry = this.#coming = undefined;
    this.#stopListening();
    // Those who wait now; after a close() others may wait anew.
    for (const waiting of [this.#ended, this.#cleaned]) {
      waiting?.promise.catch(() => undefined);
      waiting?.reject(closedError());
    }
    this.#ended = this.#cleaned = undefined;
  }

  /** For the status, which is there before the hang-up: the shim deletes the container in between. */
  #listen(changes: DirWatch | undefined): void {
    this.#changes = changes;
    changes?.onFile((name) => {
      if (name === EXIT_STATUS_FILE) this.#lookForStatus();
    });
    // It may have come before anybody listened.
    this.#lookForStatus();
  }

  #lookForStatus(): void {
    try {
      const exit = this.known();
      if (exit === undefined || exit.lost !== undefined) return;
      this.#ended?.resolve(exit);
      this.#stopListening();
    } catch {
      // The hang-up tells.
    }
  }

  #stopListening(): void {
    this.#changes?.close();
    this.#changes = undefined;
  }

  /** Somebody is about to start a shim, or to clean up after one that could not start the process. */
  #awaitShim(): void {
    this.#coming ??= setInterval(() => this.#lookForShim(), COMING_POLL_MS);
    if (this.#ended === undefined && this.#cleaned === undefined) this.#coming.unref();
  }

  /** Until it has opened `exit`, and its hang-up will tell, or is gone. */
  #lookForShim(): void {
    try {
      if (this.known() === undefined && this.#watch?.shimGone === true) return;
    } catch {
      return;
    }
    clearInterval(this.#coming);
    this.#coming = undefined;
  }

  #shimGone(): void {
    if (!this.#counts || this.#exit !== undefined || this.#watch === undefined) return;
    try {
      this.#conclude();
    } catch {
      this.#retry = setTimeout(() => this.#shimGone(), RETRY_MS);
    }
  }

  /** No shim is there: it has left, or is still to come. */
  #conclude(): Exit | undefined {
    if (isShimComing(this.#dir)) this.#awaitShim();
    else this.#settle(readExit(this.#dir));
    return this.#exit;
  }

  #settle(exit: Exit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    this.#stopListening();
    this.#ended?.resolve(exit);
    this.#cleaned?.resolve(exit);
    // A start that failed in the hands of another supervisor is that one's to clean up.
    const failedElsewhere = this.#coming !== undefined && !this.#dir.hasProcess();
    if (exit.lost !== undefined && !failedElsewhere) this.#onLost();
  }
}

function closedError(): OutliveError {
  return new OutliveError('ERR_INVALID_STATE', 'this process object is closed');
}
