/**
 * Reports changes of directories and files, on one inotify instance for each thread: a user may have only 128 of them. Events
 * are taken at most every 5 ms, so that who writes often does not wake many readers each time. Behaviour: inotify(7).
 */
import { callEach } from '../base/listeners.js';
import { type Watch, tryRead, watchReadable } from '../posix/index.js';
import * as inotify from '../posix/inotify.js';

const PAUSE_MS = 5;
const BUFFER_BYTES = 64 * 1024;
/** The most reads in one turn; 64 KiB are about 1,400 events. What is left waits for the next turn, after the pause. */
const MAX_READS = 2;
const { IN_CREATE, IN_DELETE, IN_MOVED_FROM, IN_MOVED_TO, IN_MOVE_SELF } = inotify;
const MASKS = {
  /** A name in the directory came or went, or the directory itself did. */
  names: IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | inotify.IN_ONLYDIR,
  /** The file was written, or its times were set. */
  content: inotify.IN_MODIFY | inotify.IN_ATTRIB | inotify.IN_DONT_FOLLOW,
};

export type Listener = () => void;

interface Instance {
  readonly fd: number;
  readonly listeners: Map<number, Set<Listener>>;
  /** For the events: memory of this size, allocated for each turn, would make V8 collect garbage more often. */
  readonly buffer: Buffer;
  /** Missing during the pause after events. */
  watch: Watch | undefined;
  pause: NodeJS.Timeout | undefined;
}

let instance: Instance | undefined;

/**
 * Tells `listener` of changes of a directory's names or of a file's content from now on. This does not keep the event loop
 * alive. (The directory is not asked for the content of its files: the writer would pay for that, for each reader twice as much.)
 * @returns a function that ends it; undefined if the limits of inotify are reached (`fs.inotify.max_user_instances`,
 *   `fs.inotify.max_user_watches`).
 * @throws any other system error: ENOENT, EACCES …
 */
export function onChange(path: string, what: keyof typeof MASKS, listener: Listener): (() => void) | undefined {
  try {
    instance ??= open();
    const { fd, listeners } = instance;
    const wd = inotify.inotifyAddWatch(fd, path, MASKS[what]);
    // Two paths of one file have the same watch.
    const all = listeners.get(wd) ?? new Set();
    listeners.set(wd, all.add(listener));
    return () => forget(fd, listeners, wd, listener);
  } catch (error) {
    if (inotify.isShort(error)) return undefined;
    throw error;
  }
}

function forget(fd: number, listeners: Map<number, Set<Listener>>, wd: number, listener: Listener): void {
  const all = listeners.get(wd);
  all?.delete(listener);
  if (all === undefined || all.size > 0) return;
  listeners.delete(wd);
  inotify.inotifyRmWatch(fd, wd);
}

/** The instance stays until the thread ends: close(2) of one waits for the kernel's other processors, 10 ms and more. */
function open(): Instance {
  const opened: Instance = {
    fd: inotify.inotifyOwned(),
    listeners: new Map(),
    buffer: Buffer.allocUnsafe(BUFFER_BYTES),
    watch: undefined,
    pause: undefined,
  };
  listen(opened);
  return opened;
}

function listen(on: Instance): void {
  on.watch = watchReadable(on.fd, () => {
    take(on);
    on.pause = setTimeout(() => listen(on), PAUSE_MS).unref();
  }).unref();
}

function take({ fd, listeners, buffer }: Instance): void {
  const changed = new Set<number>();
  for (let reads = 0; reads < MAX_READS; reads++) {
    const size = tryRead(fd, buffer);
    if (size === undefined) break;
    for (const { wd, mask } of inotify.inotifyEvents(buffer.subarray(0, size))) {
      if ((mask & inotify.IN_Q_OVERFLOW) !== 0) for (const each of listeners.keys()) changed.add(each);
      else changed.add(wd);
    }
  }
  for (const wd of changed) callEach(listeners.get(wd) ?? [], (listener) => listener());
}
