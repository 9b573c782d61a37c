/**
 * Containers of `run()` whose program died before their process began, and other starts that never began. Tells them from what
 * is being started. Removes nothing.
 */
import { INIT_PROCESS_ID } from '../oci/ids.js';
import { hasShim, isShimComing } from '../shim/attach.js';
import type { ContainerDir } from '../state/container.js';
import { isRecorded } from '../state/exit.js';
import type { ProcessDir } from '../state/process.js';

/**
 * Whether the container was made by run(), and no process of it was ever started. run() holds the lock from before the
 * directory has its name until its start is over: so if the caller holds the lock too, the one that made it has given up or died.
 * @throws as `dir.readState()`.
 */
export async function isUnstarted(dir: ContainerDir): Promise<boolean> {
  // Only run() makes a bundle there. A container of create() may wait for a start for as long as it likes.
  if (dir.readState().bundle !== dir.ownBundle) return false;
  if (dir.processIds().some((id) => id !== INIT_PROCESS_ID)) return false;
  return wasNeverStarted(dir.process(INIT_PROCESS_ID));
}

/** Whether no shim of it has ever begun, and none is coming. */
export async function wasNeverStarted(dir: ProcessDir): Promise<boolean> {
  if (hasRun(dir) || (await isShimComing(dir))) return false;
  // Check again: a shim may have opened its FIFOs after the first check, and left before isShimComing().
  return !hasRun(dir);
}

function hasRun(dir: ProcessDir): boolean {
  return dir.wasStarted() || isRecorded(dir) || dir.readUnnamedExitStatus() !== undefined || hasShim(dir);
}
