/** Reads a container's directory when it is loaded. */
import { existsSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { checkOwnDirectory, realRoot } from '../state/root.js';

/** Reads a container's state.json. The returned `dir` knows the container's key. Throws as `Container.load()`. */
export function readContainer(root: string, id: string): { dir: ContainerDir; state: ContainerState } {
  let found: ContainerDir | undefined;
  try {
    found = new ContainerDir(realRoot(root), id);
    checkOwnDirectory(found.path);
    const state = found.readState();
    const dir = new ContainerDir(found.root, id, state.key);
    // From here on it is known by its directory too, should its file be damaged.
    dir.isCurrent();
    return { dir, state };
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    if (found?.isUnfinished() === true) {
      throw new OutliveError('ERR_INVALID_STATE', `container ${id} in ${root} was never completely made`, { cause });
    }
    // Another program has just deleted it, and may have made it anew.
    if (found !== undefined && existsSync(found.path)) return readContainer(root, id);
    throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${root}`, { cause });
  }
}
