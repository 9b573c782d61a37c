/**
 * A container's lock: what changes the container holds it, so that objects, workers and programs exclude each other. It is
 * an exclusive flock(2) on the FIFO `.lock` in the container's directory: the kernel gives it back when its holder ends,
 * however it ends, and the FIFO's hang-up tells those who wait. Protocol: docs/protocol.md, `.lock`.
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

/** How long to wait for the lock, and what to call the container if that was too short. */
export interface LockOptions {
  /** 1 to 2147483647 ms. */
  readonly timeoutMs: number;
  readonly containerId: string;
}

/**
 * Makes the lock's FIFO, mode 0600 whatever the umask, or finds one of ours there.
 * @throws {OutliveError} `ERR_INVALID_STATE` when something else has its name; a system error of mkfifo(3) otherwise.
 */
export function makeLockFile(dirPath: string): void {
  ensureFifo(lockPath(dirPath));
}

/** The lock, held until release(), the end of this thread or of the program. */
export class ContainerLock {
  readonly #path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /**
   * Takes the lock of the container in `dirPath`; waits if it is held. Keeps the event loop alive while it waits. Takes of
   * one thread get it in the order of their calls.
   * @throws {OutliveError} `ERR_CONTAINER_BUSY` when it was held for `timeoutMs`; `ERR_INVALID_STATE` when `.lock` is no FIFO
   *   of our user. A system error otherwise: ENOENT when the directory is gone.
   */
  static async take(dirPath: string, options: LockOptions): Promise<ContainerLock> {
    const path = lockPath(dirPath);
    const lock = isQueued(path) ? undefined : ContainerLock.#try(path);
    return lock ?? (await ContainerLock.#waitFor(path, options));
  }

  /**
   * Takes the lock if it is free.
   * @returns undefined when it is held, if only for a moment by a child that a killed holder was spawning.
   * @throws as take(), but `ERR_CONTAINER_BUSY`.
   */
  static tryTake(dirPath: string): ContainerLock | undefined {
    return ContainerLock.#try(lockPath(dirPath));
  }

  static #try(path: string): ContainerLock | undefined {
    for (;;) {
      const fd = openLock(path, O_RDWR);
      const lock = new ContainerLock(path, fd);
      try {
        posix.flock(fd, 'exclusive');
        if (isAt(fd, path)) return lock;
        // The container was deleted between open and flock, and perhaps made anew: what is at the path now counts.
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
      // The timer may only have come first: after a loop that was busy, or with a writer that is not the holder.
      const lock = ContainerLock.#try(path);
      if (lock !== undefined) return lock;
    } finally {
      leave(path, waiter);
    }
    const message = `container ${containerId} is being changed by another caller, who did not finish in ${timeoutMs} ms`;
    throw new OutliveError('ERR_CONTAINER_BUSY', message);
  }

  /**
   * Tries to take the lock; waits until its holder has left if it is held. The holder has the FIFO open for writing, and
   * the kernel drops its lock before its end of the FIFO. A read end that is opened after the holder has left hears
   * nothing of it: so it is opened first, and then the lock is tried. Either the try succeeds, or there is a holder
   * whose leaving the read end will hear.
   */
  static async #tryOnceMore(path: string, waiter: Waiter): Promise<ContainerLock | undefined> {
    const fd = openLock(path, O_RDONLY);
    try {
      const lock = ContainerLock.#try(path);
      // Another FIFO by now: the holder who was seen is not on the one that is open here.
      if (lock !== undefined || !isAt(fd, path)) return lock;
      await hangUp(fd, waiter);
      return undefined;
    } finally {
      closeOwned(fd);
    }
  }

  /**
   * Whether this is still the lock of the container at its path: it is held, and the FIFO that it is on has not been
   * removed or replaced.
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
      // A child that another thread is spawning has a copy of the descriptor until it calls execve(2). The lock is not
      // to last that long.
      posix.flock(fd, 'unlock');
    } finally {
      closeOwned(fd);
    }
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function lockPath(dirPath: string): string {
  return resolve(dirPath, LOCK_FIFO);
}

/** Opens the lock's FIFO, which is made if it is missing. The caller closes it. */
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
    // ENOENT from here: it is the directory that is gone.
    ensureFifo(path);
  }
}

/** Why the open failed: what is there is no FIFO of ours (a link is ELOOP, somebody else's EACCES), or the call's error. */
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

/** Whether `path` names the very FIFO that `fd` has open, and no link to it. */
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

/** Waits until nobody has the FIFO open for writing, or the time limit is over. */
async function hangUp(fd: number, waiter: Waiter): Promise<void> {
  while (!waiter.isLate) {
    const watch = posix.watchReadable(fd, () => waiter.resume());
    await waiter.pause();
    watch.stop();
    if (isHungUp(fd)) return;
  }
}

/**
 * Reads away what a stranger wrote; else the next watch would call back at once, and so for ever. Bounded, for one who
 * writes without end.
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
