/**
 * Reports files of a directory that were written and closed, or got their name by rename(2). All watches of a thread share one
 * inotify instance.
 * There is no watch if the inotify limits are reached: a caller must also have another, slower way to see a change.
 * Behaviour: inotify(7).
 */
import { hasCode } from '../base/errors.js';
import { callEach } from '../base/listeners.js';
import { inTurns } from '../base/turns.js';
import { tryRead } from '../posix/index.js';
import * as inotify from '../posix/inotify.js';
import { pollReadable } from '../posix/watch.js';

/** Who is told. An object, and no function: it is kept for each directory. */
export interface FileListener {
  /** @param name of a file; undefined: the kernel has lost some events, and any file may have changed. */
  onFile(name: string | undefined): void;
}

/** Not IN_CREATE: what is made is not written yet, and each event of a start wakes this program. */
const MASK = inotify.IN_MOVED_TO | inotify.IN_CLOSE_WRITE | inotify.IN_ONLYDIR;
const BUFFER_BYTES = 64 * 1024;

interface Instance {
  readonly fd: number;
  /** By the kernel's number of the watch. */
  readonly watches: Map<number, DirWatch>;
  readonly buffer: Buffer;
}

/** It stays until the thread ends: close(2) of one waits for the kernel's other processors, 10 ms and more. */
let instance: Instance | undefined;

export class DirWatch {
  readonly #wd: number;
  #listener: FileListener | undefined;
  /** Another watch of this directory: the kernel has one for both. */
  #next: DirWatch | undefined;

  private constructor(wd: number, next: DirWatch | undefined) {
    this.#wd = wd;
    this.#next = next;
  }

  /**
   * Starts a watch, which does not keep the event loop alive.
   * @returns undefined if the inotify limits are reached or the directory is gone.
   * @throws any other system error.
   */
  static open(path: string): DirWatch | undefined {
    try {
      instance ??= open();
      const wd = inotify.inotifyAddWatch(instance.fd, path, MASK);
      const watch = new DirWatch(wd, instance.watches.get(wd));
      instance.watches.set(wd, watch);
      return watch;
    } catch (error) {
      if (inotify.isShort(error) || hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Sets the one listener; undefined removes it. */
  listen(listener: FileListener | undefined): void {
    this.#listener = listener;
  }

  close(): void {
    this.#listener = undefined;
    if (instance === undefined) return;
    const { fd, watches } = instance;
    const first = watches.get(this.#wd);
    if (first === undefined) return;
    if (first !== this) DirWatch.#unlink(first, this);
    else if (this.#next !== undefined) watches.set(this.#wd, this.#next);
    else {
      watches.delete(this.#wd);
      inotify.inotifyRmWatch(fd, this.#wd);
    }
    this.#next = undefined;
  }

  /** Tells all watches of this directory. */
  tell(name: string | undefined): void {
    // A listener may close any of them.
    const all: DirWatch[] = [this];
    for (let watch = this.#next; watch !== undefined; watch = watch.#next) all.push(watch);
    callEach(all, (watch) => watch.#listener?.onFile(name));
  }

  static #unlink(first: DirWatch, other: DirWatch): void {
    let watch = first;
    while (watch.#next !== undefined && watch.#next !== other) watch = watch.#next;
    watch.#next = other.#next;
  }
}

function open(): Instance {
  const fd = inotify.inotifyOwned();
  const opened: Instance = { fd, watches: new Map(), buffer: Buffer.allocUnsafe(BUFFER_BYTES) };
  pollReadable(fd, () => take(opened)).unref();
  return opened;
}

/** Reads once: what is left is told in the next turn of the event loop. */
function take({ fd, buffer, watches }: Instance): void {
  const size = tryRead(fd, buffer) ?? 0;
  callEach(inotify.inotifyEvents(buffer.subarray(0, size)), ({ wd, mask, name }) => {
    // The kernel has ended the watch, as the directory was removed. It gives no number twice.
    if ((mask & inotify.IN_IGNORED) !== 0) watches.delete(wd);
    else if ((mask & inotify.IN_Q_OVERFLOW) === 0) watches.get(wd)?.tell(name);
    // There may be thousands, each of which looks at files.
    else void inTurns([...watches.values()], (watch) => watch.tell(undefined));
  });
}
