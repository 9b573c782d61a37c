/** Has the runtime end and forget a container: what `delete()`, a failed start and a lost end need. */
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../base/errors.js';
import { commands } from './args.js';
import { runtimeStatusIfKnown } from './status.js';
import { type RuntimeTarget, runRuntime } from './call.js';

/** Between two attempts of a delete that failed, in milliseconds. */
const DELETE_RETRY_MS = 50;

/**
 * Has the runtime end and forget a container, if it is ours: another program may have one with the same id.
 * @param running whether something of it may still run: else a runtime that can't be asked at all is no failure.
 * @param interrupted its own run of it was killed: what that left half made has the id, though the runtime knows no such
 *   container.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` when the runtime still has it after `timeoutMs`; `ERR_NOT_INSTALLED`.
 */
export async function deleteFromRuntime(
  target: RuntimeTarget,
  { running, interrupted }: { running: boolean; interrupted: boolean },
): Promise<void> {
  const deadlineMs = performance.now() + target.timeoutMs;
  for (;;) {
    try {
      const status = await runtimeStatusIfKnown(target);
      if (status === null || (status === undefined && !interrupted)) return;
      // A frozen process does not die of a signal before it is thawed. If it can't be, delete says so.
      if (status === 'paused') await runRuntime(target, commands.resume(target.id)).catch(() => undefined);
      await runRuntime(target, commands.forceDelete(target.id));
      return;
    } catch (error) {
      if (!hasCode(error, 'ERR_OCI_RUNTIME')) {
        if (running) throw error;
        return;
      }
      // The shim deletes it too, when the process has ended: whoever comes second may find nothing, which is as good.
      if (typeof (await runtimeStatusIfKnown(target)) !== 'string') return;
      // Or the kernel has not let go yet of a killed process's cgroup.
      if (performance.now() > deadlineMs) throw error;
      await delay(DELETE_RETRY_MS);
    }
  }
}
