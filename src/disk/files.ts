/**
 * Reads, writes and removes private directories and small files: exact modes whatever the umask is, atomic replacement,
 * no symbolic link followed at a read. Does not own the files' contents. Behaviour: rename(2), open(2).
 */
import * as fs from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { Limiter } from '../base/limiter.js';
import { type FileLook, isRegular, openAndRead } from '../posix/looks.js';
import { closeOwned } from '../posix/owned.js';
import { ownedName } from './names.js';

/** Makes a directory with mode 0700 whatever the umask is. @throws a system error of mkdir(2), EEXIST included. */
export function makeDirectory(path: string): void {
  fs.mkdirSync(path, { mode: 0o700 });
  fs.chmodSync(path, 0o700);
}

/** As makeDirectory(), but it may be there already, made by whomever. @throws a system error of mkdir(2). */
export function ensureDirectory(path: string): void {
  try {
    makeDirectory(path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

/**
 * Replaces a file atomically, with mode 0600: writes a temporary file and renames it. A reader sees the old file or the
 * whole new one. @throws a system error; the old file is unchanged then.
 */
export function writeFileAtomic(path: string, text: string): void {
  throughTemporary(path, text, fs.renameSync);
}

/**
 * Makes a file with mode 0600, whole or not at all. Does nothing if there is one: another program may make it at the same time.
 * @returns whether it is new.
 * @throws a system error.
 */
export function writeFileOnce(path: string, text: string): boolean {
  try {
    throughTemporary(path, text, (temporary) => {
      fs.linkSync(temporary, path);
      fs.rmSync(temporary);
    });
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  }
}

function throughTemporary(path: string, text: string, give: (temporary: string, path: string) => void): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  writeNewFile(temporary, text);
  try {
    give(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Makes a file with mode 0600 in a directory that no other program knows yet: a reader could see a part of it.
 * @throws a system error: EEXIST if the name is taken; there is no new file then.
 */
export function writeNewFile(path: string, text: string): void {
  const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o600);
  try {
    try {
      // The umask may have taken bits of the owner. Not fchmod(2), which `node --permission` refuses even with all grants.
      fs.chmodSync(path, 0o600);
      // ext4 and btrfs then write the file soon after it is closed, as they do with one that replaces another. Else a power
      // cut within the next half minute may leave an empty file.
      fs.ftruncateSync(fd, 0);
      fs.writeFileSync(fd, text);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    fs.rmSync(path, { force: true });
    throw error;
  }
}

/**
 * Waits until the contents of these files, and the names in these directories, are on the disk. Skips what is not there.
 * Does not block the event loop.
 * @throws a system error, with the path, if one can't be opened or flushed.
 * @see fsync(2)
 */
export async function flush(...paths: readonly string[]): Promise<void> {
  const results = await Promise.allSettled(paths.map(flushOne));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function flushOne(path: string): Promise<void> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const file = await fs.promises.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  try {
    await file?.sync();
  } catch (error) {
    throw Object.assign(error as Error, { path });
  } finally {
    await file?.close();
  }
}

/**
 * Reads a small regular file. It follows no symbolic link, and does not block on a FIFO.
 * @param limit the most bytes to read.
 * @param whenLarger throw, or return the first `limit` bytes. Default: throw.
 * @throws {OutliveError} `ERR_INVALID_STATE` if it is no regular file or too large; a system error otherwise.
 */
export function readText(path: string, limit: number, whenLarger: 'refuse' | 'truncate' = 'refuse'): string {
  const file = new HeldFile(path, limit, whenLarger);
  file.close();
  return file.text;
}

/**
 * A small file that was read and is still open. Until close() no other file can get its inode: if a path has that inode, it is
 * this file.
 */
export class HeldFile {
  readonly text: string;
  /** As `FileLook.identity`, when it was opened. */
  readonly identity: string;
  #fd: number;

  /** Opens and reads it. @throws as readText(). */
  constructor(path: string, limit: number, whenLarger: 'refuse' | 'truncate' = 'refuse') {
    const file = openAndRead(path, limit, whenLarger === 'truncate');
    if (file.text === undefined) throw unreadable(path, file, limit);
    this.text = file.text;
    this.identity = file.identity;
    this.#fd = file.fd;
  }

  /** Whether `look`, of just now, is of this file, and it was not written since. */
  is({ identity }: FileLook): boolean {
    return this.#fd >= 0 && identity === this.identity;
  }

  close(): void {
    if (this.#fd >= 0) closeOwned(this.#fd);
    this.#fd = -1;
  }
}

function unreadable(path: string, file: FileLook, limit: number): OutliveError {
  const why = isRegular(file) ? `has ${file.sizeBytes} bytes, at most ${limit} are allowed` : 'is not a regular file';
  return new OutliveError('ERR_INVALID_STATE', `${path}: ${why}`);
}

/** As readText(), but returns undefined if there is no such file. */
export function readIfThere(
  path: string,
  limit: number,
  whenLarger: 'refuse' | 'truncate' = 'refuse',
): string | undefined {
  // Most such files do not exist yet, and making an error costs more than this check.
  if (!fs.existsSync(path)) return undefined;
  try {
    return readText(path, limit, whenLarger);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Makes an empty file that has no name any more, for what a child says. The caller closes it.
 * @param dir where; a name is there for a moment.
 * @returns a descriptor for reading and writing. @throws a system error.
 */
export function openUnnamed(dir: string): number {
  const path = join(dir, `.${crypto.randomUUID()}.tmp`);
  const fd = fs.openSync(path, 'wx+', 0o600);
  fs.rmSync(path, { force: true });
  return fd;
}

/** The first `limit` bytes of such a file as text. */
export function readUnnamed(fd: number, limit: number): string {
  const buffer = Buffer.alloc(limit);
  // The offset is the child's, too: it is neither used nor moved.
  return buffer.toString('utf8', 0, fs.readSync(fd, buffer, 0, limit, 0));
}

/**
 * Removes what this program has just made, without a descriptor: that there is none left may be why the rest failed.
 * @param files missing ones are passed over, and so are directories.
 * @param dirs the innermost first. One that is not empty is removed with its contents, for which a descriptor is needed.
 */
export function removeMade(files: readonly string[], dirs: readonly string[]): void {
  for (const file of files) {
    try {
      fs.unlinkSync(file);
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EPERM')) throw error;
    }
  }
  for (const dir of dirs) {
    try {
      fs.rmdirSync(dir);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) fs.rmSync(dir, { recursive: true, force: true });
    }
  }
}

/**
 * How many trees are removed at a time. Each consists of many calls in the threads of the pool, and one turn of the event
 * loop takes the results of all that have ended.
 */
const removals = new Limiter(8);

/**
 * Removes a directory and its contents; does nothing if it does not exist. It is renamed at once, so that no reader sees
 * a part of it under its own name.
 */
export async function removeTree(path: string): Promise<void> {
  const removed = join(dirname(path), ownedName('old'));
  try {
    fs.renameSync(path, removed);
  } catch (error) {
    // Another supervisor has removed it.
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const leave = await removals.enter();
  try {
    // Retry: a shim that still runs for the process's descendants may add to its log while the directory is removed.
    await rm(removed, { recursive: true, force: true, maxRetries: 10 });
  } finally {
    leave();
  }
}
