/**
 * Finds out the state of a process from its directory. Owns the order of the steps.
 *
 * Race: this against the end of the shim. A reader that opens `exit` after the shim has left never gets a hang-up. So
 * this opens `exit`, reads it (end-of-file: no shim), and only then looks for `exitStatus`, which the shim writes
 * before it leaves. A pid alone never counts as a sign that the process runs.
 *
 * Race: this against the start of the shim, if we are stopped for a while after we found that no shim holds `exit`. Then
 * a shim may open it and record a pid, so that none is coming any more: it would be taken for one that has left. So
 * `exit` is looked at once more before that is believed.
 * Source: `loadProcess` of containerd's `process.go` (June 2016).
 */
import { isShimListening } from './control.js';
import { hasCode } from '../base/errors.js';
import { ExitWatch, type ShimListener } from './watch.js';
import { type Exit, isRecorded, readExit } from '../state/exit.js';
import { hasShimProcess } from '../kernel/find.js';
import type { ProcessDir } from '../state/process.js';

export interface Attached {
  /**
   * The watch on the shim; undefined if there is no FIFO (so there never was a shim), or if the process was removed.
   */
  readonly watch: ExitWatch | undefined;
  /** The end; set if the process has ended and no shim is left to clean up after it. */
  readonly exit: Exit | undefined;
  /** Whether it is being started, or its supervisor died during that: {@link isShimComing} tells whether a shim comes. */
  readonly isComing: boolean;
}

/** Finds out the state of a process. `listener` is told if its shim leaves later. */
export function reattach(dir: ProcessDir, listener: ShimListener): Attached {
  const watch = openWatch(dir, listener);
  try {
    // Compare the key after the open: if the path still is this process's, the opened FIFO is its own.
    if (!dir.isCurrent()) {
      watch?.close();
      return { watch: undefined, exit: readExit(dir), isComing: false };
    }
    // If the shim has left since the open, the hang-up will tell.
    if (watch?.hungUp === false) return { watch, exit: undefined, isComing: false };
    const isComing = watch !== undefined && mayShimCome(dir);
    if (!isComing && !hasShim(dir)) return { watch, exit: readExit(dir), isComing };
    watch?.close();
    // It came between the two looks.
    if (!isComing) return reattach(dir, listener);
    return { watch: ExitWatch.beforeStart(dir.exitFifo, listener), exit: undefined, isComing };
  } catch (error) {
    watch?.close();
    throw error;
  }
}

/** Whether nothing is recorded of a shim. Call it only if none holds `exit`: then {@link isShimComing} tells more. */
export function mayShimCome(dir: ProcessDir): boolean {
  return dir.isCurrent() && !dir.wasStarted() && !isRecorded(dir);
}

/**
 * Whether a shim was started and has recorded nothing yet, or a supervisor is about to start one. Call it only if no
 * shim holds `exit`. If it resolves with false, one may have come meanwhile: look at `exit` again. May look at all processes.
 */
export async function isShimComing(dir: ProcessDir): Promise<boolean> {
  return mayShimCome(dir) && (isHeld(dir) || (await hasShimProcess(dir.path, dir.containerId)));
}

function isHeld(dir: ProcessDir): boolean {
  try {
    return isShimListening(dir);
  } catch (error) {
    // Another file has taken the place of the FIFO.
    if (hasCode(error, 'ELOOP', 'EACCES', 'ERR_INVALID_STATE')) return false;
    throw error;
  }
}

function openWatch(dir: ProcessDir, listener: ShimListener): ExitWatch | undefined {
  try {
    return ExitWatch.ofStarted(dir.exitFifo, listener);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whether a shim of this process holds `exit`. */
export function hasShim(dir: ProcessDir): boolean {
  try {
    const watch = ExitWatch.ofStarted(dir.exitFifo, undefined);
    const gone = watch.shimGone;
    watch.close();
    return !gone && dir.isCurrent();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
