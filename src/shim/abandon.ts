/**
 * Ends a start that will not succeed: the runtime, what it had begun, and the shim. Owns the order; who is who in /proc
 * is proc-find.ts's. Seed: `Start`, which killed the shim alone.
 */
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { killRuntimesWriting, killShimsIn } from '../kernel/find.js';
import { within } from '../base/promises.js';
import type { ProcessDir } from '../state/process.js';

/** How long a shim has to end what its runtime left before it is killed itself, in milliseconds. */
const END_LIMIT_MS = 2000;

/**
 * Ends everything of a start.
 * @param reason why it failed. A runtime or shim that gave one has cleaned up, and a container that it found there
 *   already is not ours to delete.
 * @param cleanUp takes away what the runtime holds of it.
 */
export async function abandonStart(
  dir: ProcessDir,
  shim: posix.Spawned,
  reason: unknown,
  cleanUp: () => Promise<void>,
): Promise<void> {
  const left = shim.pidfd < 0;
  if (left && !hasCode(reason, 'ERR_CONTAINER_NOT_STARTED')) return;
  const killed = killRuntimesWriting(dir.pidFile);
  if (!left) await endShim(shim, killed);
  try {
    await cleanUp();
  } catch (error) {
    // A runtime that does not answer in time did not do so at the start either: the caller is told of that.
    if (!hasCode(error, 'ERR_OCI_RUNTIME') || !hasCode(reason, 'ERR_CONTAINER_START_TIMEOUT')) throw error;
  }
}

/** A shim whose runtime failed ends what that left, in whatever session it is; only then is it killed if it stays. */
async function endShim(shim: posix.Spawned, runtimeKilled: boolean): Promise<void> {
  if (runtimeKilled && (await within(shim.exited, END_LIMIT_MS)) !== undefined) return;
  if (shim.pidfd < 0) return;
  try {
    // Our child and not reaped: its pid still names its process group.
    posix.kill(-shim.pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
  await shim.exited;
}

/** Ends a start of a supervisor that is dead or stopped: nothing of ours is the parent of its shim. */
export function abandonForeignStart(dir: ProcessDir, containerId: string): void {
  killRuntimesWriting(dir.pidFile);
  killShimsIn(dir.path, containerId);
}
