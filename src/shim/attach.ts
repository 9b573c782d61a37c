/**
 * The order of operations when a process directory is loaded. A reader that opens `exit` after the shim left never
 * hears a hang-up, so: open `exit`, read it (end-of-file: no shim), and only then look for `exitStatus`, which the shim
 * writes before it leaves. No pid is trusted for liveness. Seed: `loadProcess`.
 */
import { isShimListening } from './control.js';
import { hasCode } from '../base/errors.js';
import { ExitWatch } from './watch.js';
import { type Exit, isRecorded, readExit } from '../state/exit.js';
import { hasShimProcess } from '../kernel/find.js';
import type { ProcessDir } from '../state/process.js';

export interface Attached {
  /** Watching the shim; undefined when there is no FIFO, and so was never a shim. */
  readonly watch: ExitWatch | undefined;
  /** Set when the process has ended and no shim is left to clean up after it. */
  readonly exit: Exit | undefined;
  /** It is being started, or a supervisor died at that: its shim may come yet, so that its absence tells nothing. */
  readonly isComing: boolean;
}

/** Finds out what became of a process; `onShimGone` is called once if its shim leaves later. */
export function reattach(dir: ProcessDir, onShimGone: () => void): Attached {
  const watch = openWatch(dir, onShimGone);
  try {
    // After the open: if the path still is this process's, the FIFO that was opened is its own.
    if (!dir.isCurrent()) {
      watch?.close();
      return { watch: undefined, exit: readExit(dir), isComing: false };
    }
    if (watch?.shimGone === false) return { watch, exit: undefined, isComing: false };
    if (watch === undefined || !isShimComing(dir)) return { watch, exit: readExit(dir), isComing: false };
    watch.close();
    return { watch: ExitWatch.beforeStart(dir.exitFifo, onShimGone), exit: undefined, isComing: true };
  } catch (error) {
    watch?.close();
    throw error;
  }
}

/**
 * Whether a shim was started that has not come to anything yet, or a supervisor is about to start one; only for who sees
 * that none holds `exit`.
 */
export function isShimComing(dir: ProcessDir): boolean {
  if (!dir.isCurrent() || dir.wasStarted() || isRecorded(dir)) return false;
  return isHeld(dir) || hasShimProcess(dir.path, dir.containerId);
}

function isHeld(dir: ProcessDir): boolean {
  try {
    return isShimListening(dir);
  } catch (error) {
    // Something else has taken the FIFO's place.
    if (hasCode(error, 'ELOOP', 'EACCES', 'ERR_INVALID_STATE')) return false;
    throw error;
  }
}

function openWatch(dir: ProcessDir, onShimGone: () => void): ExitWatch | undefined {
  try {
    return ExitWatch.ofStarted(dir.exitFifo, onShimGone);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whether a shim of this process holds `exit`. */
export function hasShim(dir: ProcessDir): boolean {
  try {
    const watch = ExitWatch.ofStarted(dir.exitFifo, () => undefined);
    const gone = watch.shimGone;
    watch.close();
    return !gone && dir.isCurrent();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
