// Descriptors that the addon closes when this thread's environment ends, by worker.terminate() too (native/addon/owned.h).
// For the library's own use: not among the exports of posix/index.ts.
import { invalidArgValue } from '../base/arg-errors.js';
import { WOULD_BLOCK } from './addon.js';
import { fdArgument, modeArgument, pathArgument, unsignedArgument, type PathArgument } from './args.js';
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

/**
 * Closes a descriptor of openOwned(). A watch of it must be stopped first.
 * @throws System error: EBADF when it is not one of this thread's, or was closed.
 */
export function closeOwned(fd: number): void {
  checked(addon.closeOwned(fdArgument(fd)), 'close');
}
