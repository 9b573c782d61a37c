/**
 * Makes paths absolute by this program's working directory, which may have been removed or renamed since. Only relative
 * paths need it. Node remembers its name (process.cwd()), so that it is compared with the directory itself.
 * Behaviour: getcwd(3), path_resolution(7).
 */
import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';

/**
 * The absolute path of `path`.
 * @throws {OutliveError} `ERR_WORKING_DIRECTORY` if it is relative, as workingDirectory().
 */
export function absolutePath(path: string): string {
  return isAbsolute(path) ? resolve(path) : resolve(workingDirectory(`the relative path '${path}'`), path);
}

/**
 * The path of this program's working directory.
 * @param need what it is needed for, for the message.
 * @throws {OutliveError} `ERR_WORKING_DIRECTORY` if it was removed, or renamed since Node looked for its name, or this user may not enter it.
 */
export function workingDirectory(need: string): string {
  let cause: unknown;
  try {
    const path = process.cwd();
    const [named, own] = [statSync(path, { bigint: true }), statSync('.', { bigint: true })];
    if (named.dev === own.dev && named.ino === own.ino) return path;
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) throw error;
    cause = error;
  }
  const why = hasCode(cause, 'EACCES') ? 'which this user may not enter' : 'which was removed or renamed';
  throw new OutliveError('ERR_WORKING_DIRECTORY', `${need} needs the working directory of this program, ${why}`, {
    cause,
  });
}
