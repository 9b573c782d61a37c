// Watches descriptors for readiness on this thread's event loop; each watch reports once, or until it is stopped. The
// addon does the work (native/addon/watch.h). Does not own the descriptors. Behaviour: epoll(7).
import { invalidArgType } from '../base/arg-errors.js';
import { fdArgument } from './args.js';
import { systemError } from './errors.js';
import { addon } from './load.js';

/** A watch that watchReadable() or watchWritable() started. It ends with its callback. */
export interface Watch {
  /** Ends the watch: the callback is not called any more, and the descriptor may be closed. */
  stop(): void;
  /** Lets the watch keep the event loop alive, which is the default. Returns this object. */
  ref(): this;
  /** Stops the watch from keeping the event loop alive. Returns this object. */
  unref(): this;
}

/**
 * Calls `callback` once when a descriptor is readable, hung up or in error, also if it is so already. To continue, read
 * until EAGAIN and watch it again. A pidfd is readable after its process has ended.
 * @param fd Borrowed: do not close it before the callback or stop(). It is made O_NONBLOCK.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`; system error (syscall `epoll_ctl`): EEXIST if this thread already
 * watches `fd`, EBADF, EPERM for a regular file or directory.
 * @see epoll(7), fifo(7)
 */
export function watchReadable(fd: number, callback: () => void): Watch {
  return watch(fdArgument(fd), false, false, callback);
}

/**
 * Calls `callback` once when a descriptor is writable, or is in error so that a write fails.
 * @param fd Borrowed: do not close it before the callback or stop(). It is made O_NONBLOCK.
 * @throws As watchReadable().
 * @see epoll(7), pipe(7)
 */
export function watchWritable(fd: number, callback: () => void): Watch {
  return watch(fdArgument(fd), true, false, callback);
}

/**
 * As watchReadable(), but calls back in each turn of the event loop in which the descriptor is so, until stop(). A watch
 * costs more than a read. Not among the exports of posix/index.ts.
 * @throws As watchReadable().
 */
export function pollReadable(fd: number, callback: () => void): Watch {
  return watch(fdArgument(fd), false, true, callback);
}

function watch(fd: number, writable: boolean, repeats: boolean, callback: () => void): Watch {
  if (typeof callback !== 'function') throw invalidArgType('callback', 'of type function', callback);
  // A wrapper, so that the callback does not get the addon's arguments.
  const handle = addon.watch(fd, writable, repeats, () => {
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
