// -errno from the addon as the error that Node itself would throw: `code`, `errno`, `syscall`, `path`.
// Owns their shape and message; makes no system call. Behaviour: nodejs.org/api/errors.html#class-systemerror.
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** A failed system call. */
export interface SystemError extends Error {
  /** The error's name: `'ENOENT'`. */
  code: string;
  /** The negated errno. */
  errno: number;
  /** The call's name: `'mkfifo'`. */
  syscall: string;
  /** The path it was given. */
  path?: string;
  /** The program's arguments; of `spawn` only. */
  spawnargs?: string[];
}

/** What a failed call was about. */
export interface SystemErrorContext {
  path?: string;
  spawnargs?: string[];
}

// Errors of Linux that libuv, and so Node's table, has no entry for: name and text by negated errno.
const textsLibuvLacks: Readonly<Record<string, string>> = {
  EBADMSG: 'bad message',
  ECHILD: 'no child processes',
  EDEADLK: 'resource deadlock avoided',
  EDQUOT: 'disk quota exceeded',
  ENOEXEC: 'exec format error',
  ENOLCK: 'no locks available',
  ENOLINK: 'link has been severed',
  ESTALE: 'stale file handle',
  ETIME: 'timer expired',
};
const ELIBBAD = 80; // not in os.constants either

const entriesLibuvLacks = new Map<number, [name: string, text: string]>([
  ...Object.entries(constants.errno).flatMap(([name, errno]): [number, [string, string]][] => {
    const text = textsLibuvLacks[name];
    return text === undefined ? [] : [[-errno, [name, text]]];
  }),
  [-ELIBBAD, ['ELIBBAD', 'accessing a corrupted shared library']],
]);

// Each call of getSystemErrorMap() makes the map anew.
const entriesOfLibuv = getSystemErrorMap();

function describe(errno: number): [name: string, text: string] {
  const entry = entriesOfLibuv.get(errno) ?? entriesLibuvLacks.get(errno);
  if (entry !== undefined) return entry;
  const unknown = `Unknown system error ${errno}`;
  return [unknown, unknown];
}

/** Makes the error of a system call that failed with `errno` (negative). */
export function systemError(errno: number, syscall: string, context: SystemErrorContext = {}): SystemError {
  const [code, text] = describe(errno);
  const about = context.path === undefined ? '' : ` '${context.path}'`;
  const error = new Error(`${code}: ${text}, ${syscall}${about}`);
  return Object.assign(error, { errno, code, syscall, ...context });
}

/** The result of a call that gives >= 0 or -errno: returned, or thrown as a system error. */
export function checked(result: number, syscall: string, context?: SystemErrorContext): number {
  if (result < 0) throw systemError(result, syscall, context);
  return result;
}
