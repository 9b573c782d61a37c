/**
 * A container's lock. Each change of the container holds it, so objects, workers and programs exclude each other. It is
 * an exclusive flock(2) on the FIFO `.lock` in the container's directory. The kernel releases it if its holder dies,
 * and the FIFO's hang-up wakes those who wait. Behaviour: docs/protocol.md, "`.lock`".
 */
import { type BigIntStats, constants, fstatSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { checkFifo, ensureFifo } from '../disk/fifo.js';
import * as posix from '../posix/index.js';
import { closeOwned, openOwned } from '../posix/owned.js';
import { Waiter, enter, isQueued, leave } from './lock-queue.js';

const { O_RDONLY, O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;

/** Its name in the container's directory; no process can have it as its id. */
const LOCK_FIFO = '.lock';

/** The time limit of a take, and the container's id for the error message. */
export interface LockOptions {
  /** 1 to 2147483647 ms. */
  readonly timeoutMs: number;
  readonly containerId: string;
}

/**
 * Makes the lock's FIFO with mode 0600 whatever the umask, unless this user has one there already.
 * @throws {OutliveError} `ERR_INVALID_STATE` if its name is not a FIFO of this user; a system error of mkfifo(3)
 *   otherwise.
 */
export function makeLockFile(dirPath: string): void {
  ensureFifo(lockPath(dirPath));
}

/** A lock that is held, until release() or the end of the thread or program. */
export class ContainerLock {
  readonly #path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /**
   * Takes the lock of the container in `dirPath`. If it is held, waits, and keeps the event loop alive meanwhile. The
   * takes of one thread get it in the order of their calls.
   * @throws {OutliveError} `ERR_CONTAINER_BUSY` if it was held for `timeoutMs`; `ERR_INVALID_STATE` if `.lock` is not a
   *   FIFO of this user; a system error otherwise: ENOENT if the directory is gone.
   */
  static async take(dirPath: string, options: LockOptions): Promise<ContainerLock> {
    const path = lockPath(dirPath);
    const lock = isQueued(path) ? undefined : ContainerLock.#try(path);
    return lock ?? (await ContainerLock.#waitFor(path, options));
  }

  /**
   * Takes the lock if it is free.
   * @returns undefined if it is held. A child that a killed holder was spawning may hold it for a moment.
   * @throws as take(), but never `ERR_CONTAINER_BUSY`.
   */
  static tryTake(dirPath: string): ContainerLock | undefined {
    return ContainerLock.#try(lockPath(dirPath));
  }

  /**
   * Takes the lock of a directory that this program is making, and that no other one knows yet.
   * @param dirPath the name that the directory is about to get.
   * @throws as take(), but never `ERR_CONTAINER_BUSY`.
   */
  static ofNew(newPath: string, dirPath: string): ContainerLock {
    const fd = openLock(lockPath(newPath), O_RDWR);
    try {
      posix.flock(fd, 'exclusive');
      return new ContainerLock(lockPath(dirPath), fd);
    } catch (error) {
      closeOwned(fd);
      throw error;
    }
  }

  static #try(path: string): ContainerLock | undefined {
    for (;;) {
      const fd = openLock(path, O_RDWR);
      const lock = new ContainerLock(path, fd);
      try {
        posix.flock(fd, 'exclusive');
        if (isAt(fd, path)) return lock;
        // The container was deleted between open and flock, and may have been made again: try the FIFO that is there
        // now.
        lock.release();
      } catch (error) {
        closeOwned(fd);
        if (!hasCode(error, 'EAGAIN')) throw error;
        return undefined;
      }
    }
  }

  static async #waitFor(path: string, { timeoutMs, containerId }: LockOptions): Promise<ContainerLock> {
    const waiter = new Waiter(timeoutMs);
    try {
      await enter(path, waiter);
      while (!waiter.isLate) {
        const lock = await ContainerLock.#tryOnceMore(path, waiter);
        if (lock !== undefined) return lock;
      }
      // Try once more: if the event loop was busy, the timer may have come before the hang-up. Or the FIFO has a writer
      // that does not hold the lock, so that no hang-up comes.
      const lock = ContainerLock.#try(path);
      if (lock !== undefined) return lock;
    } finally {
      leave(path, waiter);
    }
    const message = `container ${containerId} is being changed by another caller, who did not finish in ${timeoutMs} ms`;
    throw new OutliveError('ERR_CONTAINER_BUSY', message);
  }

  /**
   * Tries to take the lock. If it is held, waits until its holder has given it back.
   *
   * Race: this wait against the holder's leaving. A read end that is opened after the last writer has left never gets a
   * hang-up. So this opens the read end first, and then tries the lock. The kernel releases the lock before it closes
   * the holder's end of the FIFO. So either the try succeeds, or there is a holder whose hang-up will come.
   */
  static async #tryOnceMore(path: string, waiter: Waiter): Promise<ContainerLock | undefined> {
    const fd = openLock(path, O_RDONLY);
    try {
      const lock = ContainerLock.#try(path);
      // The path has another FIFO by now. The holder has that one open, not ours: no hang-up would come.
      if (lock !== undefined || !isAt(fd, path)) return lock;
      await hangUp(fd, waiter);
      return undefined;
    } finally {
      closeOwned(fd);
    }
  }

  /**
   * Whether the lock is held, and its FIFO has not been removed or replaced: then it is the lock of the container at
   * its path.
   */
  isCurrent(): boolean {
    return this.#fd >= 0 && isAt(this.#fd, this.#path);
  }

  /** Gives the lock back. Calling it again does nothing. */
  release(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    try {
      // The close alone would not release it in time: a child that another thread is spawning has a copy of the
      // descriptor until it calls execve(2).
      posix.flock(fd, 'unlock');
    } finally {
      closeOwned(fd);
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The path of the lock of the container in this directory. */
export function lockPath(dirPath: string): string {
  return resolve(dirPath, LOCK_FIFO);
}

/** Opens the lock's FIFO; makes it if it is missing. The caller closes the descriptor by closeOwned(). */
function openLock(path: string, access: number): number {
  const fd = openOrMake(path, access);
  try {
    checkFifo(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeOwned(fd);
    throw error;
  }
}

function openOrMake(path: string, access: number): number {
  for (;;) {
    try {
      return openOwned(path, access | O_NONBLOCK | O_NOFOLLOW);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw refusal(path, error);
    }
    // If this throws ENOENT, the directory is gone.
    ensureFifo(path);
  }
}

/**
 * The error for a failed open: ERR_INVALID_STATE if the name is not a FIFO of this user, else the system error itself.
 */
function refusal(path: string, cause: unknown): unknown {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return cause;
  try {
    checkFifo(path, stat);
    return cause;
  } catch (error) {
    return error instanceof OutliveError ? new OutliveError(error.code, error.message, { cause }) : error;
  }
}

/** Whether `path` names the FIFO that `fd` has open. A link to it does not count. */
function isAt(fd: number, path: string): boolean {
  const open = fstatSync(fd, { bigint: true });
  const named = lstatAt(path);
  return named?.dev === open.dev && named.ino === open.ino;
}

function lstatAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Waits until no process has the FIFO open for writing, or the time limit is over. */
async function hangUp(fd: number, waiter: Waiter): Promise<void> {
  while (!waiter.isLate) {
    const watch = posix.watchReadable(fd, () => waiter.resume());
    await waiter.pause();
    watch.stop();
    if (isHungUp(fd)) return;
  }
}

/**
 * Whether the FIFO is at end-of-file. Reads and drops what a stranger wrote, because otherwise the next watch would
 * call back at once. The number of reads is limited, as a stranger may write without end.
 */
function isHungUp(fd: number): boolean {
  const bytes = Buffer.allocUnsafe(4096);
  for (let reads = 0; reads < 16; reads++) {
    const count = posix.tryRead(fd, bytes);
    if (count === undefined) return false;
    if (count === 0) return true;
  }
  return false;
}
