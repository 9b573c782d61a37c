/**
 * Asks the runtime for a container's status, and checks that the runtime's container is the library's: that it has the
 * same bundle, as another program may have a container with the same id. Behaviour: runc-state(8), runtime-spec
 * runtime.md, "State".
 */
import { realpathSync } from 'node:fs';
import type { Deadline } from '../base/deadline.js';
import { OutliveError } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { commands } from './args.js';
import { RuntimeRefusal, type RuntimeTarget, runRuntime } from './call.js';

/** A container's status as the runtime reports it. The specification allows a runtime to add other values. */
export type RuntimeStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped' | (string & Record<never, never>);

/**
 * Asks the runtime for a container's status.
 * @param deadline as of {@link runRuntime}.
 * @returns the status; null if the runtime's container with this id has another bundle; undefined if the container is
 *   half made.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` if the runtime has no such container or fails; `ERR_INVALID_STATE` if it
 *   does not print a JSON object, or one of our container without a status; `ERR_NOT_INSTALLED`.
 */
export async function runtimeStatus(
  target: RuntimeTarget,
  deadline?: Deadline,
): Promise<RuntimeStatus | null | undefined> {
  const printed = await runRuntime(target, commands.state(target.id), deadline);
  const { bundle, status } = parseJsonObject(printed, `${target.runtime} state`);
  // The host runtime prints an empty bundle for a container that is half made.
  if (bundle === '') return undefined;
  if (typeof bundle !== 'string' || !sameFile(bundle, target.bundle)) return null;
  if (typeof status === 'string') return status;
  throw new OutliveError('ERR_INVALID_STATE', `${target.runtime} state: printed no status`);
}

/**
 * As {@link runtimeStatus}, but returns undefined also if the runtime says that it has no such container. One that did not
 * answer in time, or was killed, has said nothing.
 */
export async function runtimeStatusIfKnown(
  target: RuntimeTarget,
  deadline: Deadline,
): Promise<RuntimeStatus | null | undefined> {
  try {
    return await runtimeStatus(target, deadline);
  } catch (error) {
    if (error instanceof RuntimeRefusal) return undefined;
    throw error;
  }
}

/** Whether two paths are the same file. Compares the paths themselves if one does not exist any more. */
function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}
