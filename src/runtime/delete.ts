/**
 * Makes the runtime kill and delete a container, for `delete()`, a failed start, and an exit whose shim died.
 * Does not touch the state directory. Behaviour: runc-delete(8), and docs/protocol.md.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Deadline } from '../base/deadline.js';
import { hasCode } from '../base/errors.js';
import { commands } from './args.js';
import { runtimeStatusIfKnown } from './status.js';
import { RuntimeNotRun, RuntimeRefusal, type RuntimeTarget, runRuntime } from './call.js';

/** The delay before a failed delete is tried again, in milliseconds. */
const DELETE_RETRY_MS = 50;

/**
 * Makes the runtime kill and delete a container. Does nothing if the runtime's container with this id is another
 * program's: its bundle is another one. The runtime may take a process for ended that still runs: the caller kills that.
 * @param running whether a process of the container may still run. If not, it is no error if the runtime can't be run.
 * @param interrupted whether a runtime command that was creating the container was killed. It may have left a half-made
 *   container that `state` does not report; then it is deleted all the same.
 * @param deadline of all its commands together.
 * @returns whether the runtime's container is another program's.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` if the runtime still has it, or has not answered, at the deadline;
 *   `ERR_NOT_INSTALLED`.
 */
export async function deleteFromRuntime(
  target: RuntimeTarget,
  { running, interrupted }: { running: boolean; interrupted: boolean },
  deadline: Deadline,
): Promise<boolean> {
  let wasRepeated = false;
  let isUnknown = false;
  for (;;) {
    try {
      const status = await runtimeStatusIfKnown(target, deadline);
      if (status === null) return true;
      isUnknown = status === undefined;
      if (isUnknown && !interrupted) return false;
      // A frozen process does not die of a signal until it is thawed. Ignore a failure: delete reports it.
      if (status === 'paused') await runRuntime(target, commands.resume(target.id), deadline).catch(() => undefined);
      await runRuntime(target, commands.forceDelete(target.id), deadline);
      return false;
    } catch (error) {
      if (!hasCode(error, 'ERR_OCI_RUNTIME') || error instanceof RuntimeNotRun) {
        if (running) throw error;
        return false;
      }
      // Only a half-made container could be left, of which the runtime's `state` said that there is none.
      if (deadline.isOver && isUnknown) return false;
      if (deadline.isOver) throw error;
      // Race: this delete against the shim's, after the process has ended. The second one fails, as the container is
      // gone. That is the wanted result, so it is safe to ignore the failure if the runtime does not have it any more.
      // If a delete of the shim's was killed in the middle, `state` may fail for what that left: delete once more.
      const isKnown = typeof (await runtimeStatusIfKnown(target, deadline)) === 'string';
      if (!isKnown && (!interrupted || wasRepeated || !(error instanceof RuntimeRefusal))) return false;
      wasRepeated ||= !isKnown;
      // Else retry: the kernel may need a moment to release a killed process's cgroup.
      if (deadline.leftMs <= DELETE_RETRY_MS) throw error;
      await delay(DELETE_RETRY_MS);
    }
  }
}
