/** Directories and small files that nobody else may read or plant: exact modes, no links followed, whole or not at all. */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { ownedName } from './names.js';

/** mkdir(2) with mode 0700 whatever the umask; throws the system error, EEXIST among them. */
export function makeDirectory(path: string): void {
  fs.mkdirSync(path, { mode: 0o700 });
  fs.chmodSync(path, 0o700);
}

/** Writes a file so that a reader sees the old one or the whole new one: temporary name, rename(2). Mode 0600. */
export function writeFileAtomic(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const fd = fs.openSync(temporary, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600);
  try {
    try {
      fs.fchmodSync(fd, 0o600);
      fs.writeFileSync(fd, text);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads a small regular file: no link is followed, no FIFO blocks, nothing larger than `limit` bytes is taken in.
 * @throws {OutliveError} `ERR_INVALID_STATE` when it is no regular file or too large; a system error otherwise.
 */
export function readText(path: string, limit: number, whenLarger: 'refuse' | 'truncate' = 'refuse'): string {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) throw new OutliveError('ERR_INVALID_STATE', `${path}: is no regular file`);
    if (stat.size > limit && whenLarger === 'refuse') {
      throw new OutliveError('ERR_INVALID_STATE', `${path}: ${stat.size} bytes are more than the ${limit} allowed`);
    }
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, limit));
    let size = 0;
    while (size < buffer.length) {
      const n = fs.readSync(fd, buffer, size, buffer.length - size, null);
      if (n === 0) break;
      size += n;
    }
    return buffer.toString('utf8', 0, size);
  } finally {
    fs.closeSync(fd);
  }
}

/** As readText(); undefined when there is no such file. */
export function readIfThere(
  path: string,
  limit: number,
  whenLarger: 'refuse' | 'truncate' = 'refuse',
): string | undefined {
  // What is asked for so is mostly not there yet, and to make an error costs more than this look.
  if (!fs.existsSync(path)) return undefined;
  try {
    return readText(path, limit, whenLarger);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes a directory with all it holds. It is renamed first, so that no reader sees half of it under its own name. */
export function removeTree(path: string): void {
  const removed = join(dirname(path), ownedName('old'));
  try {
    fs.renameSync(path, removed);
  } catch (error) {
    // Another supervisor was quicker.
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  // A shim that holds what its process left running may still write a line to its log.
  fs.rmSync(removed, { recursive: true, force: true, maxRetries: 10 });
}
