// Watches of descriptors on the event loop (native/addon/watch.h).
import { invalidArgType } from '../base/arg-errors.js';
import { fdArgument } from './args.js';
import { systemError } from './errors.js';
import { addon } from './load.js';

/** A watch that watchReadable() or watchWritable() began; over once it called back. */
export interface Watch {
  /** Ends the watch: no call back after this. The descriptor may be closed then. */
  stop(): void;
  /** The watch keeps the event loop alive (so it is at first). */
  ref(): this;
  /** The watch does not keep the event loop alive. */
  unref(): this;
}

/**
 * Calls back once when a descriptor is readable, hung up or in error, then the watch is over; to go on, drain the
 * descriptor and watch it again. What there is already counts. A pidfd is readable once its process has ended.
 * @param fd Borrowed; not to be closed before the call back or stop(). It is made O_NONBLOCK.
 * @throws System error (syscall `epoll_ctl`): EEXIST when this thread watches `fd` already, EBADF, EPERM for a file or
 * directory.
 * @see epoll(7), fifo(7)
 */
export function watchReadable(fd: number, callback: () => void): Watch {
  return watch(fdArgument(fd), false, callback);
}

/**
 * Calls back once when a descriptor takes bytes again, or never will (the write then says why); then the watch is over.
 * @param fd Borrowed; not to be closed before the call back or stop(). It is made O_NONBLOCK.
 * @throws As watchReadable().
 * @see epoll(7), pipe(7)
 */
export function watchWritable(fd: number, callback: () => void): Watch {
  return watch(fdArgument(fd), true, callback);
}

function watch(fd: number, writable: boolean, callback: () => void): Watch {
  if (typeof callback !== 'function') throw invalidArgType('callback', 'of type function', callback);
  // A wrapper: the callback must not see the addon's arguments.
  const handle = addon.watch(fd, writable, () => {
    callback();
  });
  if (typeof handle === 'number') throw systemError(handle, 'epoll_ctl');
  return {
    stop() {
      addon.watchStop(handle);
    },
    ref() {
      addon.watchRef(handle, true);
      return this;
    },
    unref() {
      addon.watchRef(handle, false);
      return this;
    },
  };
}
