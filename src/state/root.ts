/** A state root: the ids of its containers, and the check of whom a directory belongs to. */
import { type Dirent, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import { absolutePath } from '../disk/working-directory.js';
import { isId } from '../oci/ids.js';

/**
 * Checks that a directory belongs to this user and that no other user can write to it.
 * @throws {OutliveError} `ERR_INVALID_STATE` if not; a system error of lstat(2).
 */
export function checkOwnDirectory(path: string): void {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new OutliveError('ERR_INVALID_STATE', `${path}: is no directory`);
  if (stat.uid !== process.geteuid?.() || (stat.mode & 0o022) !== 0) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: belongs to, or may be written by, another user`);
  }
}

/**
 * The ids of the containers in a state root, or of the processes in a container's directory, also of unfinished ones.
 */
export function idsIn(root: string): string[] {
  return entries(root)
    .filter((entry) => entry.isDirectory() && isId(entry.name))
    .map(({ name }) => name);
}

/** The entries of a directory. None if it is missing, as another program may be removing it. */
export function entries(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/**
 * The real path of a state root, without links and `..`. All paths of the library begin with it. It is compared with
 * the working directories in /proc, which are real paths.
 * @throws {OutliveError} `ERR_WORKING_DIRECTORY`, as absolutePath(); a system error of realpath(3).
 */
export function realRoot(root: string): string {
  return realpathSync(absolutePath(root));
}
