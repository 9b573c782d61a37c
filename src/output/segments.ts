/**
 * The files of a log: lists its segments, opens them, and reads a raw file. Nothing here waits: a FIFO, a link or a device
 * in the place of a file is taken for a file that is missing. Behaviour: docs/protocol.md, "The log of a process's output".
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasCode } from '../base/errors.js';
import { readIfThere } from '../disk/files.js';

const NAME = /^(\d{20})\.raw$/;
const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;

/** The directory of a log. */
export class LogDirectory {
  readonly #inode: string | undefined;

  /** @param key the key of the process whose log is meant. */
  constructor(
    readonly path: string,
    readonly key: string,
  ) {
    this.#inode = inodeOf(path);
  }

  /**
   * The names of its segments, ascending: those with a raw file. Names above 2^53 - 1 are none.
   * @throws a system error, among them ENOENT if the directory is gone.
   */
  async list(): Promise<number[]> {
    // In pieces: 100,000 names at once would hold up the event loop. Not by fs.promises.opendir(): if a worker is terminated
    // meanwhile, Node leaves what that has opened.
    const bases: number[] = [];
    let dir: fs.Dir | undefined;
    try {
      dir = fs.opendirSync(this.path, { bufferSize: 256 });
      for (let entry = await dir.read(); entry !== null; entry = await dir.read()) {
        const base = Number(NAME.exec(entry.name)?.[1]);
        if (Number.isSafeInteger(base)) bases.push(base);
      }
    } catch (error) {
      throw Object.assign(error as Error, { path: this.path });
    } finally {
      dir?.closeSync();
    }
    return [...Float64Array.from(bases).sort()];
  }

  /**
   * Whether the path still leads to this process's log. Call it after a listing or an open: what was listed or opened belongs
   * to the process then.
   */
  isCurrent(): boolean {
    const key = readLogKey(this.path);
    return key === undefined ? this.#inode !== undefined && inodeOf(this.path) === this.#inode : key === this.key;
  }

  pathOf(base: number, kind: 'raw' | 'idx'): string {
    return join(this.path, `${String(base).padStart(20, '0')}.${kind}`);
  }

  /** Opens a file of a segment; undefined if it is missing or no regular file. @throws any other system error. */
  open(base: number, kind: 'raw' | 'idx'): number | undefined {
    let fd: number;
    try {
      fd = fs.openSync(this.pathOf(base, kind), O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV')) return undefined;
      throw error;
    }
    if (fs.fstatSync(fd).isFile()) return fd;
    fs.closeSync(fd);
    return undefined;
  }
}

/** The index of the first element of an ascending array that is above `value`. */
export function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The key in a log's directory; undefined if there is none. */
export function readLogKey(dir: string): string | undefined {
  try {
    const key = readIfThere(join(dir, 'key'), 4096)?.replace(/\n$/, '');
    return key === '' ? undefined : key;
  } catch (error) {
    if (hasCode(error, 'ENOTDIR', 'ELOOP', 'ENXIO', 'ERR_INVALID_STATE')) return undefined;
    throw error;
  }
}

function inodeOf(path: string): string | undefined {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

const read = promisify(fs.read);
const readv = promisify(fs.readv);

/** A file that was written since the last look is in memory. So much of it is read at once; a thread of the pool costs more. */
export const SMALL_BYTES = 64 * 1024;

/**
 * Reads what there is of `length` bytes at `position`; fewer only at the file's end.
 * @param isFresh the bytes were written a moment ago.
 */
export async function readAt(fd: number, length: number, position: number, isFresh = false): Promise<Buffer> {
  if (isFresh && length <= SMALL_BYTES) {
    return Buffer.from(scratch.subarray(0, fs.readSync(fd, scratch, 0, length, position)));
  }
  const buffer = Buffer.allocUnsafe(length);
  let size = 0;
  while (size < length) {
    const { bytesRead } = await read(fd, buffer, size, length - size, position + size);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return size === length ? buffer : buffer.subarray(0, size);
}

/** For reads that are over within a call. */
const scratch = Buffer.allocUnsafeSlow(SMALL_BYTES);

/** The allocator reuses memory of this size; it takes more from the kernel anew each time. */
const BLOCK_BYTES = 64 * 1024;
const MAX_BLOCKS = 4;

/** As readAt(), but for many bytes reads a part of them, into blocks of 64 KiB. */
export async function readBlocks(fd: number, length: number, position: number, isFresh: boolean): Promise<Buffer[]> {
  if (length <= BLOCK_BYTES) {
    const block = await readAt(fd, length, position, isFresh);
    return block.length === 0 ? [] : [block];
  }
  const count = Math.min(MAX_BLOCKS, Math.floor(length / BLOCK_BYTES));
  const blocks = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(BLOCK_BYTES));
  const { bytesRead } = await readv(fd, blocks, position);
  return blocks
    .slice(0, Math.ceil(bytesRead / BLOCK_BYTES))
    .map((block, i) => block.subarray(0, Math.min(BLOCK_BYTES, bytesRead - i * BLOCK_BYTES)));
}
