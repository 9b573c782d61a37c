/**
 * Runs a change of a container with its lock held (docs/protocol.md, `.lock`), after a new look at the directory. Each
 * public method that changes something enters here once; what it calls relies on that.
 */
import { type OutliveError, hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { RuntimeTarget } from '../runtime/call.js';
import { ContainerLock } from '../state/lock.js';

/** Keeps the lock until `work` has settled, though the call that took it may be over before. */
export type KeepLock = (work: Promise<unknown>) => void;

/**
 * Runs `act` with the lock held.
 * @param ids the processes to look at again before. Default: `init`.
 * @throws what `act` throws; {OutliveError} `ERR_CONTAINER_BUSY` if another one held the lock for longer than `timeoutMs`;
 *   `ERR_CONTAINER_NOT_FOUND` if the container was deleted; `ERR_INVALID_STATE` if `.lock` is not a FIFO of this user.
 */
export type Locked = <T>(act: (keep: KeepLock) => T | Promise<T>, ids?: readonly string[]) => Promise<T>;

/**
 * @param refresh looks at the processes with these ids again; undefined: at all. `isCurrent`: as that of refreshed().
 * @param take takes the lock. Default: waits for it for `timeoutMs`.
 */
export function lockedBy(
  { dir, timeoutMs, id }: RuntimeTarget,
  refresh: (ids: readonly string[] | undefined, isCurrent?: boolean) => Promise<void>,
  take = (): Promise<ContainerLock> | ContainerLock => ContainerLock.take(dir.path, { timeoutMs, containerId: id }),
): Locked {
  // Its processes have ended: their descriptors are given back.
  const notFound = async (cause?: unknown): Promise<OutliveError> => {
    await refresh(undefined);
    return dir.notFound(cause);
  };
  return async (act, ids = [INIT_PROCESS_ID]) => {
    let lock: ContainerLock;
    await ownTurn();
    try {
      lock = await take();
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw await notFound(error);
      throw error;
    }
    let works = 1;
    const done = (): void => {
      if (--works === 0) lock.release();
    };
    const keep = (work: Promise<unknown>): void => {
      works++;
      work.then(done, done);
    };
    try {
      if (!dir.isCurrent()) throw await notFound();
      await refresh(ids, true);
      return await act(keep);
    } finally {
      done();
    }
  };
}
