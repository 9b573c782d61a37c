/**
 * The errors of a shim or runtime that failed, from what it logged. If a system call is the reason, the error's `cause` is
 * that system error. The shipped shim and host runtime write errno and call to their logs; of runc and crun only the text
 * of the log tells, and only the texts below are taken for one: how they report that the program can't be run or that the
 * working directory can't be entered.
 */
import { statfsSync } from 'node:fs';
import { constants } from 'node:os';
import { OutliveError, type OutliveErrorCode } from '../base/errors.js';
import { type SystemError, systemError } from '../posix/errors.js';
import type { LogMessage } from './log.js';
import type { ProcessDir } from './process.js';

/** strerror(3)'s texts in lower case, as Go has them too, and runc's own for a program that is in no directory of PATH. */
const ERRNOS: ReadonlyMap<string, number> = new Map([
  ['executable file not found in $path', constants.errno.ENOENT],
  ['no such file or directory', constants.errno.ENOENT],
  ['permission denied', constants.errno.EACCES],
  ['operation not permitted', constants.errno.EPERM],
  ['argument list too long', constants.errno.E2BIG],
  ['exec format error', constants.errno.ENOEXEC],
  ['not a directory', constants.errno.ENOTDIR],
  ['is a directory', constants.errno.EISDIR],
  ['too many levels of symbolic links', constants.errno.ELOOP],
  ['file name too long', constants.errno.ENAMETOOLONG],
  ['text file busy', constants.errno.ETXTBSY],
]);

/**
 * The beginnings of such messages, up to the path if they have one.
 * runc 1.1: `exec: "/a": stat /a: no such …`, `exec: "a": executable file not found in $PATH`,
 * `chdir to cwd ("/a") set in config.json failed: no such …`.
 * crun 1.8: "executable file `a` not found in $PATH: No such …", "open executable: Permission …", "chdir `/a`: No such …".
 */
const CALLS = [
  { syscall: 'execve', begin: /(?:^|: )(?:exec: (?=")|executable file (?=`)|open executable:)/ },
  { syscall: 'chdir', begin: /(?:^|: )chdir (?:to cwd \()?(?=["`])/ },
] as const;

/** The system error that a message of runc or crun is about; undefined if it is about something else. */
function causeInText(msg: string): SystemError | undefined {
  const errno = ERRNOS.get(msg.slice(msg.lastIndexOf(': ') + 2).toLowerCase());
  if (errno === undefined) return undefined;
  for (const { syscall, begin } of CALLS) {
    const match = begin.exec(msg);
    if (match === null) continue;
    const path = /^(["`])(.*?)\1/s.exec(msg.slice(match.index + match[0].length))?.[2];
    // Neither runtime escapes a path so that it could be told from what follows it: `path` is for people.
    return systemError(-errno, syscall, path === undefined ? {} : { path });
  }
  return undefined;
}

function causeOf({ msg, failed }: LogMessage): SystemError | undefined {
  if (failed === undefined) return causeInText(msg);
  const { errno, syscall, path } = failed;
  return systemError(-errno, syscall, path === undefined ? {} : { path });
}

/** The one code that the host runtime names in its log. */
const LIMITS: OutliveErrorCode = 'ERR_LIMITS_UNAVAILABLE';

/**
 * Makes the error for what a shim or runtime logged. `prefix` begins its message. The code is `ERR_LIMITS_UNAVAILABLE` if the
 * host runtime says so.
 */
export function loggedError(code: OutliveErrorCode, prefix: string, logged: LogMessage): OutliveError {
  const cause = causeOf(logged);
  return new OutliveError(
    logged.code === LIMITS ? LIMITS : code,
    `${prefix}: ${logged.msg}`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * Why a shim left without a pid: the first error of its own log, else of the runtime's, else how the runtime ended.
 * @returns `ERR_SHIM`; `ERR_OCI_RUNTIME`, also if the shim could not execute the runtime; `ERR_CONTAINER_NOT_STARTED` if
 *   neither logged an error (if the disk is full, `cause` is ENOSPC: that may be why).
 */
export function startError(dir: ProcessDir): OutliveError {
  const shimError = dir.shimError();
  if (shimError?.failed?.syscall === 'spawn') return loggedError('ERR_OCI_RUNTIME', 'oci runtime error', shimError);
  if (shimError !== undefined) return loggedError('ERR_SHIM', 'shim error', shimError);
  const runtimeError = dir.runtimeError();
  if (runtimeError !== undefined) return loggedError('ERR_OCI_RUNTIME', 'oci runtime error', runtimeError);
  const cause = fullDisk(dir.path);
  if (cause !== undefined) {
    return new OutliveError('ERR_CONTAINER_NOT_STARTED', `container not started: ${cause.message}`, { cause });
  }
  const ending = dir.shimWarning();
  return new OutliveError(
    'ERR_CONTAINER_NOT_STARTED',
    `container not started${ending === undefined ? '' : `: ${ending}`}`,
  );
}

/** ENOSPC if the directory's file system has no block or no inode left; a log could not be written then. */
function fullDisk(path: string): SystemError | undefined {
  try {
    const { bavail, files, ffree } = statfsSync(path);
    // Some file systems do not count inodes: both are 0.
    const isFull = bavail === 0 || (files > 0 && ffree === 0);
    return isFull ? systemError(-constants.errno.ENOSPC, 'write', { path }) : undefined;
  } catch {
    // The directory is gone.
    return undefined;
  }
}
