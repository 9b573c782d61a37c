/**
 * A process's stdin, stdout and stderr as paths: checks the paths, makes FIFOs, and opens Node streams on them. While
 * the process runs, this program or a later one may close a stream and open it again.
 * Does not copy any data to the process; the shim does. Behaviour: containerd's runtime package (June 2016), fifo(7).
 */
import { constants, createReadStream, createWriteStream, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { checkBoolean, checkKeys, checkObject, checkString, checkText } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { OutliveError } from '../base/errors.js';
import type { OnRead } from './onread.js';
import { FifoReadable, FifoWritable } from './streams.js';
import { ensureFifo } from '../disk/fifo.js';
import { absolutePath } from '../disk/working-directory.js';
import { closeOwned, openOwned } from '../posix/owned.js';

export const NULL_DEVICE = '/dev/null';

/**
 * The paths of a process's stdin, stdout and stderr, each with a slash (`./out`, not `out`): a FIFO, a regular file, a
 * terminal or `/dev/null`. Output is appended to a regular file, which is made with mode 0600 if it is missing. With
 * `terminal: true` the terminal's output goes to `stdout`, and `stderr` is not used.
 */
export interface Stdio {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

/**
 * Makes the paths absolute; a missing or empty one becomes `/dev/null`. Behaviour: containerd's `NewStdio` (June 2016).
 * A word without a slash is refused: it may be a misspelt kind, and would become a file in the working directory.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` if a key is unknown, or if a path has no slash, or
 *   has a null byte or a lone surrogate.
 */
export function newStdio(stdio: Partial<Stdio> = {}): Stdio {
  checkKeys('options.stdio', stdio, STREAMS);
  const path = (name: keyof Stdio): string => {
    const value: unknown = stdio[name];
    if (value === undefined || value === '') return NULL_DEVICE;
    checkText(`options.stdio.${name}`, value);
    if (value.includes('/')) return absolutePath(value);
    throw invalidArgValue(`options.stdio.${name}`, value, 'must be a path with a slash, as ./file');
  };
  return { stdin: path('stdin'), stdout: path('stdout'), stderr: path('stderr') };
}

/**
 * Makes FIFOs `stdin`, `stdout` and `stderr` with mode 0600 in a directory; existing FIFOs of this user are kept.
 * @param dir an existing directory; use one that remains after this program has ended.
 * @param options.terminal true: make no `stderr`, which a terminal does not use. Default false.
 * @returns their paths, for the option `stdio` of `container.start()` and `container.exec()`.
 * @throws {OutliveError} `ERR_INVALID_STATE` if there is another kind of file or another user's FIFO;
 *   `ERR_WORKING_DIRECTORY` if `dir` is relative and the working directory was removed; {TypeError}
 *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a system error of mkfifo(3).
 * @see mkfifo(3), fifo(7)
 */
export function makeStdioFifos(dir: string, options: { terminal?: boolean | undefined } = {}): Stdio {
  checkString('dir', dir);
  checkKeys('options', options, ['terminal']);
  const { terminal = false } = options;
  checkBoolean('options.terminal', terminal);
  const names = terminal ? (['stdin', 'stdout'] as const) : (['stdin', 'stdout', 'stderr'] as const);
  const path = absolutePath(dir);
  const paths: Partial<Record<keyof Stdio, string>> = {};
  for (const name of names) {
    paths[name] = join(path, name);
    ensureFifo(paths[name]);
  }
  return newStdio(paths);
}

/** Options of `openOutput()`. */
export interface OutputOptions {
  /** Reads into the caller's buffer, with a callback in place of `data` events. Default: a normal stream. */
  onread?: OnRead | undefined;
}

export function isFifo(path: string): boolean {
  return statSync(path).isFIFO();
}

/**
 * Opens a stream that reads a process's output. On a FIFO it ends when no writer is left. Open it after the process was
 * started: before, there is no writer and it ends at once. If the stream is destroyed, the bytes still in the FIFO are
 * kept by the shim for the next reader.
 * @param path the path of `stdout` or `stderr`: a FIFO or a regular file.
 * @param options.onread reads into one buffer of the caller, with a callback in place of `data` events. This is the
 *   fastest way to read data that need not be kept.
 * @throws a system error (ENOENT, EACCES …); {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 * @see fifo(7)
 */
export function openOutput(path: string, options: OutputOptions = {}): Readable {
  return openOutputIf(() => true, path, options);
}

/** Called after a FIFO was opened: whether it is the one that is meant. It may throw instead. */
export type IsMeant = () => boolean;

/**
 * As openOutput(), but closes a FIFO again if it is not the one that is meant.
 * @throws as openOutput(); {OutliveError} `ERR_PROCESS_EXITED` if `isMeant` returns false. A regular file is not
 *   checked.
 */
export function openOutputIf(isMeant: IsMeant, path: string, options: OutputOptions = {}): Readable {
  checkString('path', path);
  const onread = checkOutputOptions(options);
  if (isFifo(path)) return new FifoReadable(openFifo(isMeant, path, constants.O_RDONLY), onread);
  if (onread === undefined) return createReadStream(path);
  const { buffer, callback } = onread;
  const stream = createReadStream(path, { highWaterMark: buffer.length });
  return stream.on('data', (chunk) => {
    buffer.set(chunk as Buffer);
    if (callback(chunk.length, buffer) === false) stream.pause();
  });
}

/** Checks the options of openOutput(), and returns its `onread`. */
export function checkOutputOptions(options: OutputOptions): OnRead | undefined {
  checkKeys('options', options, ['onread']);
  const { onread } = options;
  if (onread !== undefined) checkOnRead(onread);
  return onread;
}

function checkOnRead(onread: OnRead): void {
  checkObject('options.onread', onread);
  const { buffer, callback }: { buffer: unknown; callback: unknown } = onread;
  if (!(buffer instanceof Uint8Array)) {
    throw invalidArgType('options.onread.buffer', 'an instance of Buffer or Uint8Array', buffer);
  }
  if (buffer.length === 0) throw invalidArgValue('options.onread.buffer', buffer, 'must not be empty');
  if (typeof callback !== 'function') throw invalidArgType('options.onread.callback', 'of type function', callback);
}

/**
 * Opens a stream that writes to a process's stdin. Ending the stream closes only this writer: the process sees
 * end-of-file after `process.closeStdin()`, when no other writer is left.
 * @param path the path of `stdin`: a FIFO or a regular file, which is appended to.
 * @throws a system error, among them ENXIO if no process has the FIFO open for reading; {TypeError}
 *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 * @see fifo(7)
 */
export function openInput(path: string): Writable {
  return openInputIf(() => true, path);
}

/**
 * As openInput(), but closes a FIFO again if it is not the one that is meant.
 * @throws as openInput(); {OutliveError} `ERR_PROCESS_EXITED` if `isMeant` returns false. A regular file is not
 *   checked.
 */
export function openInputIf(isMeant: IsMeant, path: string): Writable {
  checkString('path', path);
  return isFifo(path)
    ? new FifoWritable(openFifo(isMeant, path, constants.O_WRONLY))
    : createWriteStream(path, { flags: 'a' });
}

function openFifo(isMeant: IsMeant, path: string, access: number): number {
  const fd = openOwned(path, access | constants.O_NONBLOCK);
  try {
    if (isMeant()) return fd;
    throw new OutliveError('ERR_PROCESS_EXITED', `${path}: the process was removed`);
  } catch (error) {
    closeOwned(fd);
    throw error;
  }
}
