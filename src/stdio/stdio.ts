/**
 * A process's stdin, stdout and stderr as paths: checking them, making FIFOs for them, and streams on those FIFOs that
 * never block a thread. A stream may be closed and opened again, by this program or a later one, while the process runs.
 */
import { constants, createReadStream, createWriteStream, statSync } from 'node:fs';
import { resolve, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { checkObject } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { FifoReadable, FifoWritable, type OnRead } from './streams.js';
import { ensureFifo } from '../disk/fifo.js';
import * as posix from '../posix/index.js';

const NULL_DEVICE = '/dev/null';

/**
 * Where a process's three streams go: each the path of a FIFO, a regular file (appended to; made 0600 when missing),
 * a terminal, or `/dev/null`. With `terminal: true` the terminal's output goes to `stdout` and `stderr` is unused.
 */
export interface Stdio {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Fills in `/dev/null` for what is missing and makes paths absolute. Seed: `NewStdio`.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (a path with a NUL).
 */
export function newStdio(stdio: Partial<Stdio> = {}): Stdio {
  const path = (name: keyof Stdio): string => {
    const value: unknown = stdio[name];
    if (value === undefined || value === '') return NULL_DEVICE;
    if (typeof value !== 'string') throw invalidArgType(`stdio.${name}`, 'of type string', value);
    if (value.includes('\0')) throw invalidArgValue(`stdio.${name}`, value, 'must be a path without null bytes');
    return resolve(value);
  };
  return { stdin: path('stdin'), stdout: path('stdout'), stderr: path('stderr') };
}

/**
 * Makes the FIFOs `stdin`, `stdout` and (unless `terminal`) `stderr` in a directory, mode 0600.
 * @param dir an existing directory; best one that outlives this program.
 * @returns their paths, as `stdio` of `container.start()` or `exec()` takes them.
 * @throws {OutliveError} `ERR_INVALID_STATE` when a name is taken by something that is no FIFO of ours.
 */
export function makeStdioFifos(dir: string, { terminal = false }: { terminal?: boolean } = {}): Stdio {
  const names = terminal ? (['stdin', 'stdout'] as const) : (['stdin', 'stdout', 'stderr'] as const);
  const paths: Partial<Record<keyof Stdio, string>> = {};
  for (const name of names) {
    paths[name] = join(dir, name);
    ensureFifo(paths[name]);
  }
  return newStdio(paths);
}

/** How output is read. */
export interface OutputOptions {
  onread?: OnRead | undefined;
}

function isFifo(path: string): boolean {
  return statSync(path).isFIFO();
}

/**
 * Reads what a process writes. On a FIFO it ends when the last writer is gone; open it after the process was started,
 * else it ends at once. Destroying it loses nothing that is still in the FIFO: the shim keeps that for the next reader.
 * @param options.onread reads into one buffer of the caller's, with a callback in place of `data` events: the fastest way
 *   to take what need not be kept.
 * @throws a system error (ENOENT, EACCES …); {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 */
export function openOutput(path: string, { onread }: OutputOptions = {}): Readable {
  if (onread !== undefined) checkOnRead(onread);
  if (isFifo(path)) return new FifoReadable(posix.open(path, constants.O_RDONLY | constants.O_NONBLOCK), onread);
  if (onread === undefined) return createReadStream(path);
  const { buffer, callback } = onread;
  const stream = createReadStream(path, { highWaterMark: buffer.length });
  return stream.on('data', (chunk) => {
    buffer.set(chunk as Buffer);
    if (callback(chunk.length, buffer) === false) stream.pause();
  });
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
 * Writes to a process's stdin. Ending the stream closes this writer only; the process sees end-of-file after
 * `process.closeStdin()`, when no other writer is left.
 * @throws a system error: ENXIO when nobody has the FIFO open for reading.
 */
export function openInput(path: string): Writable {
  return isFifo(path)
    ? new FifoWritable(posix.open(path, constants.O_WRONLY | constants.O_NONBLOCK))
    : createWriteStream(path, { flags: 'a' });
}
