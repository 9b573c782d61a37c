/** What the runtime says of a container: its `state`, and whether it is ours it speaks of. */
import { realpathSync } from 'node:fs';
import { hasCode } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { commands } from './args.js';
import { type RuntimeTarget, runRuntime } from './call.js';

/** The runtime's own word for what a container does. The specification lets a runtime have further ones. */
export type RuntimeStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped' | (string & Record<never, never>);

/**
 * Asks the runtime.
 * @returns its word; null when another bundle's container has this id; undefined for one that is half made.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` when it knows no such container, or can't tell; `ERR_INVALID_STATE` when it
 *   printed no JSON object; `ERR_NOT_INSTALLED`.
 */
export async function runtimeStatus(target: RuntimeTarget): Promise<RuntimeStatus | null | undefined> {
  const printed = await runRuntime(target, commands.state(target.id));
  const { bundle, status } = parseJsonObject(printed, `${target.runtime} state`);
  // The host runtime's word for half made.
  if (bundle === '') return undefined;
  const isOurs = typeof bundle === 'string' && sameFile(bundle, target.bundle);
  return isOurs && typeof status === 'string' ? status : null;
}

/** As {@link runtimeStatus}, and undefined also when the runtime knows no such container. */
export async function runtimeStatusIfKnown(target: RuntimeTarget): Promise<RuntimeStatus | null | undefined> {
  try {
    return await runtimeStatus(target);
  } catch (error) {
    if (hasCode(error, 'ERR_OCI_RUNTIME')) return undefined;
    throw error;
  }
}

/** By name where a bundle was removed meanwhile. */
function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}
