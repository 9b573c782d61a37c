// Descriptors that the addon closes when this thread's environment ends, by worker.terminate() too (native/addon/owned.h).
// The library opens all its descriptors so, except those that node:fs opens: in a worker, Node closes these itself, and
// warns if fs.close() gets one that it did not open. Not among the exports of posix/index.ts.
import { invalidArgValue } from '../base/arg-errors.js';
import { WOULD_BLOCK } from './addon.js';
import { fdArgument, modeArgument, pathArgument, pidArgument, unsignedArgument, type PathArgument } from './args.js';
import { checked } from './errors.js';
import { addon } from './load.js';

/**
 * As posix.open(), but the descriptor is closed when the thread ends, however it ends. Else closeOwned() closes it, and
 * nothing else may: its number could be another descriptor's by then.
 * @throws As posix.open(); ENOMEM.
 */
export function openOwned(path: PathArgument, flags: number, mode = 0o666): number {
  const { bytes, text } = pathArgument(path, 'path');
  const fd = addon.openOwned(bytes, unsignedArgument(flags, 'flags'), modeArgument(mode));
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
 * Closes an owned descriptor. A watch of it must be stopped first.
 * @throws System error: EBADF when it is not one of this thread's, or was closed.
 */
export function closeOwned(fd: number): void {
  checked(addon.closeOwned(fdArgument(fd)), 'close');
}
