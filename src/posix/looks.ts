// What a file is, and what is in a small one, with one call into the addon for each: thousands of them are read when a state root
// is loaded, and node:fs makes eighteen objects of each stat. Not among the exports of posix/index.ts.
import { constants } from 'node:fs';
import { constants as system } from 'node:os';
import { fdArgument, pathArgument } from './args.js';
import { systemError } from './errors.js';
import { addon } from './load.js';

/** What a file was at a look. */
export interface FileLook {
  /**
   * Device and inode, and unless it is a directory, the modification time in nanoseconds: `26:1234:1790000000000000000`. The
   * time of a directory changes with each name in it.
   */
  readonly identity: string;
  /** Type and permissions, as in fs.Stats. */
  readonly mode: number;
  readonly uid: number;
  readonly sizeBytes: number;
}

export interface OpenedFile extends FileLook {
  /** Its text, if it is a regular file and not too large: then `fd` is open, and closeOwned() closes it. */
  readonly text: string | undefined;
  readonly fd: number;
}

/** Where the addon puts its numbers. */
const out = new Float64Array(4);

/** Does not follow a link. @throws system error of lstat(2). */
export function lookAt(path: string): FileLook {
  const { native, text } = pathArgument(path, 'path');
  return looked(addon.lookAt(native, out), 'lstat', { path: text });
}

/** As lookAt(); undefined if there is no such file. */
export function lookIfThere(path: string): FileLook | undefined {
  const { native, text } = pathArgument(path, 'path');
  const identity = addon.lookAt(native, out);
  const { ENOENT, ENOTDIR } = system.errno;
  return identity === -ENOENT || identity === -ENOTDIR ? undefined : looked(identity, 'lstat', { path: text });
}

/** @throws system error of fstat(2). */
export function lookAtOpen(fd: number): FileLook {
  return looked(addon.lookAtOpen(fdArgument(fd), out), 'fstat');
}

const CALLS = ['open', 'fstat', 'read'];

/**
 * Opens a regular file and reads it. Follows no link, and does not wait for the other end of a FIFO.
 * @param limit the most bytes to read.
 * @param truncate whether to read these of a larger file; else its text is undefined.
 * @throws system error of open(2), read(2).
 */
export function openAndRead(path: string, limit: number, truncate: boolean): OpenedFile {
  const { native, text: name } = pathArgument(path, 'path');
  const read = addon.openAndRead(native, limit, truncate, out);
  if (typeof read === 'number') throw systemError(read, CALLS[out[0] ?? 0] ?? '', { path: name });
  const [identity, text] = read;
  const [mode = 0, uid = 0, sizeBytes = 0, fd = -1] = out;
  return { identity, mode, uid, sizeBytes, text, fd: text === undefined ? -1 : fd };
}

export function isRegular({ mode }: Pick<FileLook, 'mode'>): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFREG;
}

export function isDirectory({ mode }: Pick<FileLook, 'mode'>): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFDIR;
}

export function isFifo({ mode }: Pick<FileLook, 'mode'>): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFIFO;
}

/** @param result the identity, or -errno of `syscall`. */
function looked(result: string | number, syscall: string, details: { path?: string } = {}): FileLook {
  if (typeof result === 'number') throw systemError(result, syscall, details);
  return { identity: result, mode: out[0] ?? 0, uid: out[1] ?? 0, sizeBytes: out[2] ?? 0 };
}
