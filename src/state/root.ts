/** A state root: which containers it holds, and whether a directory in it may be trusted. */
import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import { isId } from '../oci/ids.js';

/**
 * Refuses a directory that another user could have put there or can write to.
 * @throws {OutliveError} `ERR_INVALID_STATE`; a system error of lstat(2).
 */
export function checkOwnDirectory(path: string): void {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new OutliveError('ERR_INVALID_STATE', `${path}: is no directory`);
  if (stat.uid !== process.geteuid?.() || (stat.mode & 0o022) !== 0) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: belongs to, or may be written by, another user`);
  }
}

/** The ids of the containers in a state root, or of the processes in a container's directory; unfinished ones too. */
export function idsIn(root: string): string[] {
  return entries(root)
    .filter((entry) => entry.isDirectory() && isId(entry.name))
    .map(({ name }) => name);
}

/** Missing directories have no entries: somebody removes them just now. */
export function entries(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/**
 * The real path of a state root. /proc names a shim's directory and the runtime's arguments by real paths, so a root that
 * is given through a link is compared by its own.
 * @throws a system error of realpath(3).
 */
export function realRoot(root: string): string {
  return realpathSync(root);
}
