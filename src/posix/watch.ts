// A watch of a descriptor, as the addon keeps it (native/addon/watch.h). Owns its face in JavaScript.
import { invalidArgType } from '../base/arg-errors.js';
import type { Addon } from './addon.js';
import { systemError } from './errors.js';

/** A watch that watchReadable() or watchWritable() began; over once it called back. */
export interface Watch {
  /** Ends the watch: no call back after this. The descriptor may be closed then. */
  stop(): void;
  /** The watch keeps the event loop alive (so it is at first). */
  ref(): this;
  /** The watch does not keep the event loop alive. */
  unref(): this;
}

/** Watches `fd` once. */
export function watch(addon: Addon, fd: number, writable: boolean, callback: () => void): Watch {
  if (typeof callback !== 'function') throw invalidArgType('callback', 'of type function', callback);
  // No argument of the addon's is the caller's business.
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
