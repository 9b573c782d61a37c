// inotify(7): the three system calls, and what its descriptor reads. fs.watch() does not do for a log that is followed: it
// takes each event as soon as it comes; nor for thousands of directories: it keeps 700 bytes for each. Not among the exports
// of posix/index.ts.
import { constants } from 'node:os';
import { isShortage } from '../base/errors.js';
import { fdArgument, pathArgument, unsignedArgument, type PathArgument } from './args.js';
import { checked } from './errors.js';
import { addon } from './load.js';

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_MOVE_SELF = 0x800;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x1000000;
export const IN_DONT_FOLLOW = 0x2000000;

/** One event: which watch, and what has happened. */
export interface InotifyEvent {
  /** The watch; -1 with IN_Q_OVERFLOW. */
  wd: number;
  mask: number;
  /** The name of the file in the directory; '' if it is the watched file or directory itself. */
  name: string;
}

/**
 * Makes an inotify instance: close-on-exec, non-blocking, owned as a descriptor of openOwned().
 * @throws System error: EMFILE if the user has as many as `fs.inotify.max_user_instances`; ENFILE, ENOMEM.
 * @see inotify_init1(2)
 */
export function inotifyOwned(): number {
  return checked(addon.inotifyOwned(), 'inotify_init1');
}

/**
 * Watches a file or directory, or changes the watch that the instance already has of it.
 * @param mask a combination of IN_*.
 * @returns the watch; the same one for each path of the same file.
 * @throws System error: ENOSPC if the user has as many as `fs.inotify.max_user_watches`; EACCES, EBADF, ENOENT, ENOMEM,
 * ENOTDIR with IN_ONLYDIR.
 * @see inotify_add_watch(2)
 */
export function inotifyAddWatch(fd: number, path: PathArgument, mask: number): number {
  const { native, text } = pathArgument(path, 'path');
  const wd = addon.inotifyAddWatch(fdArgument(fd), native, unsignedArgument(mask, 'mask'));
  return checked(wd, 'inotify_add_watch', { path: text });
}

/**
 * Ends a watch; does nothing if the kernel has ended it, as the file or directory was removed (EINVAL).
 * @throws System error: EBADF.
 * @see inotify_rm_watch(2)
 */
export function inotifyRmWatch(fd: number, wd: number): void {
  const result = addon.inotifyRmWatch(fdArgument(fd), unsignedArgument(wd, 'wd'));
  if (result !== -constants.errno.EINVAL) checked(result, 'inotify_rm_watch');
}

/** Whether the error of an instance or a watch means that inotify's limits are reached (ENOSPC too), or that something else is short. */
export function isShort(error: unknown): boolean {
  return isShortage(error, 'ENOSPC');
}

const HEAD_BYTES = 16;

/** The events in what was read of an instance. The kernel gives whole ones only. */
export function* inotifyEvents(bytes: Buffer): Generator<InotifyEvent> {
  // struct inotify_event: int wd; uint32_t mask, cookie, len; char name[len], in the byte order of the machine. The name is
  // filled up with NULs.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0, begin = HEAD_BYTES; begin <= bytes.length; begin = at + HEAD_BYTES) {
    const size = view.getUint32(at + 12, isLittleEndian);
    yield {
      wd: view.getInt32(at, isLittleEndian),
      mask: view.getUint32(at + 4, isLittleEndian),
      name: size === 0 ? '' : bytes.toString('utf8', begin, bytes.indexOf(0, begin)),
    };
    at = begin + size;
  }
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
