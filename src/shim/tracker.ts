/**
 * Follows one process to its end. The end is known when `exitStatus` appears, and at the latest at the hang-up of the
 * exit FIFO, which comes when the shim has cleaned up. Owns the watches. Does not own pids and signals.
 */
import { DirWatch, type FileListener } from '../disk/directory-watch.js';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { ExitWatch, type ShimListener } from './watch.js';
import { type Exit, isRecorded, readExit } from '../state/exit.js';
import type { Identity } from '../kernel/identity.js';
import { mayAdopt, reapIfAdopted } from './reap.js';
import { type Waiter, Waiters } from '../base/promises.js';
import type { ShimEnd } from './end.js';
import { hasShim, isShimComing, mayShimCome, reattach } from './attach.js';
import { EXIT_STATUS_FILE, type ProcessDir } from '../state/process.js';

/**
 * The delay, in milliseconds, before the end is read again if that failed for lack of descriptors or memory. It is not
 * lost.
 */
const RETRY_MS = 100;

/** How often to look for a shim that was started and has not opened `exit` yet, in milliseconds. */
const COMING_POLL_MS = 20;

/** Who is told that an end is lost. An object, and no function: it is kept for each process. */
export interface LostListener {
  /** Called once if the process was started and its end is lost. */
  onLost(): void;
}

export class Tracker implements ShimListener, FileListener {
  readonly #dir: ProcessDir;
  readonly #owner: LostListener;
  /** Those who wait until its end is recorded or lost. */
  readonly #ended = new Waiters<Exit>();
  /** Those who wait until the shim has cleaned up too. */
  readonly #cleaned = new Waiters<Exit>();
  #watch: ExitWatch | undefined;
  #changes: DirWatch | undefined;
  /** The end; set when the shim has cleaned up. */
  #exit: Exit | undefined;
  #counts = false;
  #isClosed = false;
  /** Whether the exit FIFO's descriptor was given out: its user may be polling it. */
  #fdIsShared = false;
  /** Started in this program: posix.spawn() reaps the shim. */
  #isStarter = false;
  #shimEnd: ShimEnd | undefined;
  #shim: Identity | undefined;
  #retry: NodeJS.Timeout | undefined;
  #coming: NodeJS.Timeout | undefined;
  /** The look for a shim that is under way. */
  #looking: Promise<void> | undefined;

  constructor(dir: ProcessDir, owner: LostListener) {
    this.#dir = dir;
    this.#owner = owner;
  }

  /** The exit FIFO's descriptor, which then stays open until close(); -1 if it is not open. */
  get fd(): number {
    if (this.#watch === undefined) return -1;
    this.#fdIsShared = true;
    return this.#watch.fd;
  }

  /** Opens `exit`, if it was not closed by then. Call it before the shim is spawned, so that its hang-up can't be missed. */
  open(): void {
    if (this.#isClosed) return;
    this.#watch = ExitWatch.beforeStart(this.#dir.exitFifo, this);
  }

  /** Call it when the process has started. From then on its end is reported, also if it has ended already. */
  begin(shimEnd: ShimEnd, changes: DirWatch | undefined): void {
    this.#isStarter = true;
    this.#counts = true;
    this.#shimEnd = shimEnd;
    const watch = this.#watch;
    if (watch === undefined) {
      // It was closed during the start; reopen() watches it again.
      changes?.close();
      return;
    }
    // If the shim holds `exit`, the hang-up tells of its end. Else it is of another make: only its pidfd does.
    if (watch.shimGone || !shimEnd.release()) this.#awaitShimEnd();
    else this.#shimEnd = undefined;
    this.#listen(changes);
    if (watch.hungUp) this.#shimGone();
    this.#keepAlive();
  }

  onShimLeft(): void {
    this.#inOwnTurn(() => this.#shimGone());
  }

  onFile(name: string | undefined): void {
    if (name === undefined || name === EXIT_STATUS_FILE) this.#inOwnTurn(() => this.#lookForStatus());
  }

  /** Begins to follow a process that another supervisor started, or that was closed. */
  attach(): void {
    this.#counts = true;
    this.#isClosed = false;
    if (mayAdopt()) this.#shim = this.#dir.readShim();
    const { watch, exit, isComing } = reattach(this.#dir, this);
    this.#watch = watch;
    this.#awaitShimEnd();
    if (isComing) this.#awaitShim();
    try {
      if (exit !== undefined) this.#settle(exit);
      else this.#listen(DirWatch.open(this.#dir.path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The end; undefined if there is none yet. Looks at the directory, so it may be known before its event comes. */
  known(): Exit | undefined {
    if (this.#exit !== undefined || !this.#counts) return this.#exit;
    // Look for the shim first, then for the status: the shim records the status before it leaves.
    const concluded = this.#isShimGone ? this.#conclude() : undefined;
    if (concluded !== undefined) return concluded;
    if (!isRecorded(this.#dir)) return undefined;
    const exit = readExit(this.#dir);
    return exit.status === undefined ? undefined : exit;
  }

  /** Begins to watch again after close(). */
  reopen(): void {
    if (this.#counts && this.#exit === undefined && this.#watch === undefined) this.attach();
  }

  /**
   * Waits until the shim has cleaned up after the end: it has left, or only holds unread output. Goes on if close() is called
   * meanwhile: what is to be deleted is.
   * @returns the end; undefined if that takes longer than `limitMs` milliseconds.
   */
  async cleanedUp(limitMs: number): Promise<Exit | undefined> {
    const deadline = new Deadline(limitMs);
    for (;;) {
      this.known();
      this.reopen();
      if (this.#exit !== undefined) return this.#exit;
      try {
        return await this.#whileAwaited(this.#cleaned.waitAtMost(deadline.leftMs));
      } catch (error) {
        if (!hasCode(error, 'ERR_INVALID_STATE')) throw error;
      }
    }
  }

  /** Waits for the end, and keeps the event loop alive meanwhile. */
  async wait(signal: AbortSignal | undefined): Promise<Exit> {
    signal?.throwIfAborted();
    const known = this.known();
    if (known !== undefined) return known;
    if (this.#watch === undefined) throw closedError();
    return this.#whileAwaited(this.#ended.wait(signal));
  }

  /** As wait(), for a supervisor, which waits for thousands: makes no promise. Tells later, never synchronously. */
  follow(follower: Waiter<Exit>): void {
    let known: Exit | undefined;
    try {
      known = this.known();
    } catch {
      // Ignore: descriptors or memory are short for now, and the hang-up will tell.
    }
    const exit = known;
    if (exit !== undefined) queueMicrotask(() => follower.resolve(exit));
    else if (this.#watch === undefined) queueMicrotask(() => follower.reject(closedError()));
    else {
      this.#ended.add(follower);
      this.#keepAlive();
    }
  }

  /** Ends what follow() began. If it was told already, this does nothing. */
  unfollow(follower: Waiter<Exit>): void {
    this.#ended.delete(follower);
    this.#keepAlive();
  }

  async #whileAwaited<T>(waiting: Promise<T>): Promise<T> {
    this.#keepAlive();
    try {
      return await waiting;
    } finally {
      this.#keepAlive();
    }
  }

  /** The event loop stays alive while somebody waits. */
  #keepAlive(): void {
    const isAwaited = this.#isAwaited;
    this.#watch?.keepAlive(isAwaited);
    if (isAwaited) this.#coming?.ref();
    else this.#coming?.unref();
  }

  /** Stops watching and frees the descriptor; waits in progress reject. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#coming);
    this.#retry = this.#coming = undefined;
    this.#stopWatching();
    this.#stopListening();
    for (const waiters of [this.#ended, this.#cleaned]) waiters.reject(closedError);
  }

  get #isAwaited(): boolean {
    return this.#ended.size + this.#cleaned.size > 0;
  }

  /** Watches for `exitStatus`, which comes before the hang-up: the shim deletes the container in between. */
  #listen(changes: DirWatch | undefined): void {
    this.#changes = changes;
    changes?.listen(this);
    // It may have come before the watch.
    this.#lookForStatus();
  }

  /** What an event of this process makes us do: thousands may end at once. Not done if it is closed meanwhile. */
  #inOwnTurn(act: () => void): void {
    const watch = this.#watch;
    void ownTurn().then(() => {
      if (this.#watch === watch) act();
    });
  }

  /** If no status is recorded, and the shim has left, its hang-up will tell. */
  #lookForStatus(): void {
    try {
      if (!isRecorded(this.#dir)) return;
      const exit = this.known();
      if (exit === undefined || exit.lost !== undefined) return;
      this.#ended.resolve(exit);
      this.#stopListening();
    } catch {
      // Ignore: the hang-up reports the end.
    }
  }

  /** The shim's pidfd also tells of the end of a shim that never opened `exit`. */
  #awaitShimEnd(): void {
    this.#shimEnd?.onEnd(() => this.#inOwnTurn(() => this.#shimGone()));
  }

  #stopWatching(): void {
    this.#shimEnd?.onEnd(undefined);
    this.#watch?.close();
    this.#watch = undefined;
  }

  #stopListening(): void {
    this.#changes?.close();
    this.#changes = undefined;
  }

  /**
   * Looks for a shim, now and again: another supervisor is starting one, or is cleaning up after one that failed; or it
   * died meanwhile, and none will come.
   */
  #awaitShim(): void {
    if (this.#coming !== undefined) return;
    const look = (): void => {
      this.#looking ??= this.#lookForShim().finally(() => {
        this.#looking = undefined;
      });
    };
    this.#coming = setInterval(look, COMING_POLL_MS);
    if (!this.#isAwaited) this.#coming.unref();
    look();
  }

  /** Stops the poll when a shim has opened `exit` (its hang-up will report the end) or none will come. */
  async #lookForShim(): Promise<void> {
    const poll = this.#coming;
    try {
      const isComing = await isShimComing(this.#dir);
      // It was closed meanwhile.
      if (this.#coming !== poll) return;
      if (!isComing && this.#isShimGone) this.#settle(readExit(this.#dir));
      if (this.#exit === undefined && this.#watch?.shimGone === true) return;
    } catch {
      return;
    }
    clearInterval(this.#coming);
    this.#coming = undefined;
  }

  /** Resolves when it is known whether a shim that has recorded nothing comes, and so whether the end is lost. */
  async looked(): Promise<void> {
    await this.#looking;
  }

  #shimGone(): void {
    if (!this.#counts || this.#exit !== undefined || this.#watch === undefined) return;
    try {
      this.#conclude();
    } catch {
      this.#retry = setTimeout(() => this.#shimGone(), RETRY_MS);
    }
  }

  /** Whether no shim holds `exit`. */
  get #isShimGone(): boolean {
    return this.#watch === undefined ? !hasShim(this.#dir) : this.#watch.shimGone;
  }

  /**
   * Call it if no shim holds `exit`: one may still come, or one has come since (attach.ts has the race), or the process
   * has ended.
   */
  #conclude(): Exit | undefined {
    if (mayShimCome(this.#dir)) this.#awaitShim();
    else if (this.#isShimGone) this.#settle(readExit(this.#dir));
    return this.#exit;
  }

  #settle(exit: Exit): void {
    if (this.#exit !== undefined) return;
    // If it can't be read for now, all of this is tried again.
    const adopted = !this.#isStarter && mayAdopt() ? (this.#shim ?? this.#dir.readShim()) : undefined;
    this.#exit = exit;
    this.#stopListening();
    if (!this.#fdIsShared) this.#stopWatching();
    this.#ended.resolve(exit);
    this.#cleaned.resolve(exit);
    // If a start of another supervisor failed, that supervisor cleans up.
    const failedElsewhere = this.#coming !== undefined && !this.#dir.hasProcess();
    if (exit.lost !== undefined && !failedElsewhere) this.#owner.onLost();
    reapIfAdopted(adopted);
  }
}

function closedError(): OutliveError {
  return new OutliveError('ERR_INVALID_STATE', 'this process object is closed');
}
