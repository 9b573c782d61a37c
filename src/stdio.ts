/**
 * A process's stdin, stdout and stderr as paths: checking them, making FIFOs for them, and streams on those FIFOs that
 * never block a thread. A stream may be closed and opened again, by this program or a later one, while the process runs.
 */
import { closeSync, constants, createReadStream, createWriteStream, statSync } from 'node:fs';
import { resolve, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { invalidArgType, invalidArgValue } from './arg-errors.js';
import { hasCode } from './errors.js';
import { ensureFifo } from './fifo.js';
import * as posix from './posix.js';

const READ_SIZE = 64 * 1024;
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

function isFifo(path: string): boolean {
  return statSync(path).isFIFO();
}

/**
 * Reads what a process writes. On a FIFO it ends when the last writer is gone; open it after the process was started,
 * else it ends at once. Destroying it loses nothing that was not read: the shim keeps the FIFO for the next reader.
 */
export function openOutput(path: string): Readable {
  return isFifo(path)
    ? new FifoReadable(posix.open(path, constants.O_RDONLY | constants.O_NONBLOCK))
    : createReadStream(path);
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

class FifoReadable extends Readable {
  #fd: number;
  #watch: posix.Watch | undefined;

  constructor(fd: number) {
    super({ highWaterMark: READ_SIZE });
    this.#fd = fd;
  }

  override _read(): void {
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    try {
      const n = posix.read(this.#fd, buffer);
      this.push(n === 0 ? null : buffer.subarray(0, n));
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) {
        this.destroy(error as Error);
        return;
      }
      this.#watch = posix.watchReadable(this.#fd, () => {
        this.#watch = undefined;
        this._read();
      });
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch?.stop();
    closeSync(this.#fd);
    callback(error);
  }
}

class FifoWritable extends Writable {
  #fd: number;
  #watch: posix.Watch | undefined;

  constructor(fd: number) {
    super({ decodeStrings: true });
    this.#fd = fd;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let written = 0;
    const step = (): void => {
      this.#watch = undefined;
      try {
        while (written < chunk.length) written += posix.write(this.#fd, chunk.subarray(written));
        callback();
      } catch (error) {
        if (hasCode(error, 'EAGAIN')) this.#watch = posix.watchWritable(this.#fd, step);
        else callback(error as Error);
      }
    };
    step();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#watch?.stop();
    closeSync(this.#fd);
    callback(error);
  }
}
