/** A state root: where it is by default, the ids of its containers, and the check of whom a directory belongs to. */
import { type Dirent, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { ensureDirectory } from '../disk/files.js';
import { absolutePath } from '../disk/working-directory.js';
import { type FileLook, isDirectory, lookAt } from '../posix/looks.js';
import { isId } from '../oci/ids.js';

/**
 * Checks that a directory belongs to this user and that no other user can write to it.
 * @param stat what it is, if the caller has looked.
 * @throws {OutliveError} `ERR_INVALID_STATE` if not; a system error of lstat(2).
 */
export function checkOwnDirectory(path: string, stat: Pick<FileLook, 'mode' | 'uid'> = lookAt(path)): void {
  if (!isDirectory(stat)) throw new OutliveError('ERR_INVALID_STATE', `${path}: is no directory`);
  const uid = process.geteuid?.();
  if (stat.uid !== uid) {
    throw new OutliveError(
      'ERR_INVALID_STATE',
      `${path}: belongs to user ${stat.uid}, and this program is user ${uid}`,
    );
  }
  const mode = stat.mode & 0o7777;
  if ((mode & 0o022) !== 0) {
    // A sticky one is shared on purpose, as /tmp is.
    const advice = (mode & 0o1000) === 0 ? 'chmod 700' : 'take a directory of your own';
    throw new OutliveError(
      'ERR_INVALID_STATE',
      `${path}: others may write to it (mode ${mode.toString(8)}): ${advice}`,
    );
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

/**
 * The state root of `run()` if none is given: `OUTLIVE_ROOT`, else `/var/lib/outlive` for root, else `$XDG_STATE_HOME/outlive` or
 * `~/.local/state/outlive`. On a disk, so that output and ends outlive a reboot.
 * @throws {OutliveError} `ERR_INVALID_STATE` if it would be in the home directory, and this user has none; `ERR_WORKING_DIRECTORY` if
 *   `OUTLIVE_ROOT` is relative and this program's working directory was removed.
 */
export function defaultRoot(): string {
  const { OUTLIVE_ROOT: given = '', XDG_STATE_HOME: state = '' } = process.env;
  if (given !== '') return absolutePath(given);
  if (process.geteuid?.() === 0) return '/var/lib/outlive';
  // A relative one is to be ignored, as the XDG Base Directory Specification says.
  return join(isAbsolute(state) ? state : join(home(), '.local/state'), 'outlive');
}

/** `HOME`; if it is missing or no absolute path, which would be another directory in each working directory: what passwd(5) has. */
function home(): string {
  const { HOME = '' } = process.env;
  if (isAbsolute(HOME)) return HOME;
  try {
    return userInfo().homedir;
  } catch (cause) {
    const user = process.geteuid?.();
    throw new OutliveError(
      'ERR_INVALID_STATE',
      `user ${user} has no home directory for a state root: set OUTLIVE_ROOT, or give one`,
      { cause },
    );
  }
}

/**
 * Makes a state root with mode 0700, and the directories above it, if they are missing.
 * @returns its real path.
 * @throws {OutliveError} `ERR_INVALID_STATE` if it is no directory of this user, or if others may write to it; a system error.
 */
export function makeRoot(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  ensureDirectory(path);
  const root = realRoot(path);
  checkOwnDirectory(root);
  return root;
}
