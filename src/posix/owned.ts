// Descriptors that the addon closes when this thread's environment ends, by worker.terminate() too (native/addon/owned.h).
// The library opens all its descriptors so, except those that node:fs opens: in a worker, Node closes these itself, and
// warns if fs.close() gets one that it did not open. Not among the exports of posix/index.ts.
import { constants } from 'node:os';
import { invalidArgValue } from '../base/arg-errors.js';
import { WOULD_BLOCK } from './addon.js';
import {
  buffersArgument,
  fdArgument,
  modeArgument,
  pathArgument,
  pidArgument,
  unsignedArgument,
  type PathArgument,
} from './args.js';
import { checked } from './errors.js';
import { addon } from './load.js';

/**
 * As posix.open(), but the descriptor is closed when the thread ends, however it ends. Else closeOwned() closes it, and
 * nothing else may: its number could be another descriptor's by then.
 * @throws As posix.open(); ENOMEM.
 */
export function openOwned(path: PathArgument, flags: number, mode = 0o666): number {
  const { native, text } = pathArgument(path, 'path');
  const fd = addon.openOwned(native, unsignedArgument(flags, 'flags'), modeArgument(mode));
  if (fd === WOULD_BLOCK) throw invalidArgValue('flags', flags, 'must have O_NONBLOCK to open a FIFO');
  return checked(fd, 'open', { path: text });
}

/** As posix.pidfdOpen(), but owned as that of openOwned(). @throws As posix.pidfdOpen(). */
export function pidfdOpenOwned(pid: number): number {
  return checked(addon.pidfdOpenOwned(pidArgument(pid)), 'pidfd_open');
}

/** As posix.eventfd(), but owned as that of openOwned(). @throws As posix.eventfd(). */
export function eventfdOwned(initial: number): number {
  return checked(addon.eventfdOwned(unsignedArgument(initial, 'initial')), 'eventfd');
}

/**
 * Makes a pipe, O_NONBLOCK and close-on-exec; both ends are owned as the descriptors of openOwned().
 * @throws System error: EMFILE, ENFILE, ENOMEM.
 * @see pipe2(2)
 */
export function pipeOwned(): readonly [readEnd: number, writeEnd: number] {
  const ends = addon.pipeOwned();
  return typeof ends === 'number' ? [checked(ends, 'pipe2'), -1] : ends;
}

/**
 * As posix.tryRead() from a pipe, by way of another, empty one: the writer of the first does not wait while the bytes are
 * copied. Nothing is left in the second.
 * @returns The number of bytes read; 0 at the end; undefined if there is nothing to read yet.
 * @throws System error: EINVAL if `fd` is no pipe, EBADF.
 * @see splice(2), readv(2)
 */
export function tryReadThrough(
  fd: number,
  [readEnd, writeEnd]: readonly [number, number],
  into: readonly Uint8Array[],
): number | undefined {
  const size = addon.readThrough(
    fdArgument(fd),
    fdArgument(readEnd),
    fdArgument(writeEnd),
    buffersArgument(into, 'into'),
  );
  return size === -constants.errno.EAGAIN ? undefined : checked(size, 'splice');
}

/**
 * Closes an owned descriptor. A watch of it must be stopped first.
 * @throws System error: EBADF when it is not one of this thread's, or was closed.
 */
export function closeOwned(fd: number): void {
  checked(addon.closeOwned(fdArgument(fd)), 'close');
}
