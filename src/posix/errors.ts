// Converts -errno from the addon to the error that Node itself would throw: `code`, `errno`, `syscall`, `path`.
// Owns the properties and the message of these errors. Makes no system call.
// Behaviour: nodejs.org/api/errors.html#class-systemerror.
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
  /** The path that the call was given, if it takes one. */
  path?: string;
  /** The program's arguments; only if `syscall` is `'spawn'`. */
  spawnargs?: string[];
}

/** Optional properties of a system error. */
export interface SystemErrorContext {
  path?: string;
  spawnargs?: string[];
}

// Texts of Linux errors that Node's table, which is libuv's, does not have.
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
const ELIBBAD = 80; // os.constants does not have it either

const entriesLibuvLacks = new Map<number, [name: string, text: string]>([
  ...Object.entries(constants.errno).flatMap(([name, errno]): [number, [string, string]][] => {
    const text = textsLibuvLacks[name];
    return text === undefined ? [] : [[-errno, [name, text]]];
  }),
  [-ELIBBAD, ['ELIBBAD', 'accessing a corrupted shared library']],
]);

// Called once: getSystemErrorMap() builds a new map each time.
const entriesOfLibuv = getSystemErrorMap();

function describe(errno: number): [name: string, text: string] {
  const entry = entriesOfLibuv.get(errno) ?? entriesLibuvLacks.get(errno);
  if (entry !== undefined) return entry;
  const unknown = `Unknown system error ${errno}`;
  return [unknown, unknown];
}

/**
 * Makes the error of a failed system call.
 * @param errno The negated errno.
 */
export function systemError(errno: number, syscall: string, context: SystemErrorContext = {}): SystemError {
  const [code, text] = describe(errno);
  const about = context.path === undefined ? '' : ` '${context.path}'`;
  const error = new Error(`${code}: ${text}, ${syscall}${about}`);
  return Object.assign(error, { errno, code, syscall, ...context });
}

/** Returns `result` if it is >= 0; else it is -errno, thrown as a system error. */
export function checked(result: number, syscall: string, context?: SystemErrorContext): number {
  if (result < 0) throw systemError(result, syscall, context);
  return result;
}
