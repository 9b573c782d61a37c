/**
 * Tells the followers of a log that there may be more to read, and whether its writer is still there. All followers of one
 * directory in a thread share one watch, with one descriptor (of the FIFO `writer`). If the limits of inotify are reached,
 * it tells them every 250 ms. Behaviour: docs/protocol.md, "The log of a process's output"; fifo(7).
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { closeOwned, openOwned } from '../posix/owned.js';
import { onChange } from './file-changes.js';
import { followerTurns } from './follower-turns.js';

const POLL_MS = 250;

/** For bytes that nobody wants: one for all, and not one for each look. */
const DROPPED = Buffer.allocUnsafe(1024);

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;

/** The watches of this thread by the path of their directory. */
const watches = new Map<string, LogWatch>();

export class LogWatch {
  /** Rises with each change. Ask for it before a look, so that wait() knows what the look has not seen. */
  changes = 0;
  /** Rises when the names in the directory may have changed. */
  nameChanges = 0;
  readonly #path: string;
  #users = 0;
  readonly #waiting = new Set<() => void>();
  readonly #writer: WriterWatch;
  readonly #endNames: () => void;
  /** The last segment that was watched. */
  #segment = -1;
  #endContent: (() => void) | undefined;
  readonly #polling: { timer: NodeJS.Timeout | undefined; users: number } = { timer: undefined, users: 0 };

  private constructor(path: string) {
    this.#path = path;
    this.#writer = new WriterWatch(join(path, 'writer'), () => this.#changed(false));
    try {
      this.#endNames = onChange(path, 'names', () => this.#changed(true)) ?? this.#poll();
    } catch (error) {
      this.#writer.close();
      throw error;
    }
  }

  /**
   * Begins to watch a log. The caller ends it by close().
   * @throws a system error: ENOENT if there is no such directory, EMFILE …
   */
  static open(path: string): LogWatch {
    const watch = watches.get(path) ?? new LogWatch(path);
    watches.set(path, watch);
    watch.#users++;
    return watch;
  }

  close(): void {
    if (--this.#users > 0) return;
    this.detach();
    this.#writer.close();
    this.#endNames();
    this.#endContent?.();
  }

  /** The directory was removed or replaced: who opens this path later gets another watch. */
  detach(): void {
    if (watches.get(this.#path) === this) watches.delete(this.#path);
  }

  /** Whether the writer is gone: nothing more will be written. What it has written may not have been read yet. */
  get isWriterGone(): boolean {
    return this.#writer.isGone;
  }

  /**
   * Watches what is written to a segment, in place of an earlier one. Counts as a change: what was written before was not told.
   * @param base the segment's first position; `path` its raw file, which may be gone by now.
   */
  watchSegment(base: number, path: string): void {
    if (base <= this.#segment) return;
    this.#segment = base;
    this.#endContent?.();
    this.#endContent = undefined;
    try {
      this.#endContent = onChange(path, 'content', () => this.#changed(false)) ?? this.#poll();
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) throw error;
    }
    this.#changed(false);
  }

  /**
   * Resolves when there was a change since `changes` had the value `seen`, when `stop` aborts, or after `limitMs`. It keeps
   * the event loop alive meanwhile; nothing else here does.
   */
  async wait(seen: number, stop: AbortSignal, limitMs = 2 ** 31 - 1): Promise<void> {
    if (this.changes !== seen || stop.aborted) return;
    let wake!: () => void;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = setTimeout(wake, limitMs);
    this.#waiting.add(wake);
    stop.addEventListener('abort', wake);
    await woken;
    stop.removeEventListener('abort', wake);
    this.#waiting.delete(wake);
    clearTimeout(timer);
  }

  #changed(areNamesChanged: boolean): void {
    this.changes++;
    if (areNamesChanged) this.nameChanges++;
    for (const wake of this.#waiting) followerTurns.call(wake);
    this.#waiting.clear();
  }

  /** Tells of a change now and again, until all who asked for that have ended it. */
  #poll(): () => void {
    this.#polling.timer ??= setInterval(() => this.#changed(true), POLL_MS).unref();
    this.#polling.users++;
    return () => {
      if (--this.#polling.users > 0) return;
      clearInterval(this.#polling.timer);
      this.#polling.timer = undefined;
    };
  }
}

/** Watches whether a process has the FIFO open for writing. */
class WriterWatch {
  isGone = false;
  readonly #onGone: () => void;
  #fd: number | undefined;
  #watch: posix.Watch | undefined;

  constructor(path: string, onGone: () => void) {
    this.#onGone = onGone;
    this.#fd = openFifo(path);
    this.#look();
  }

  close(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    if (this.#fd !== undefined) closeOwned(this.#fd);
    this.#fd = undefined;
  }

  #look(): void {
    // Nobody writes to it; should someone do so, the bytes are dropped.
    if (this.#fd !== undefined && posix.tryRead(this.#fd, DROPPED) !== 0) {
      // There is a writer, so that the kernel will report a hang-up.
      this.#watch = posix.watchReadable(this.#fd, () => this.#look()).unref();
      return;
    }
    const isNews = this.#watch !== undefined;
    this.isGone = true;
    this.close();
    if (isNews) this.#onGone();
  }
}

/** undefined if it is missing or something else. */
function openFifo(path: string): number | undefined {
  let fd: number;
  try {
    fd = openOwned(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
  if (fs.fstatSync(fd).isFIFO()) return fd;
  closeOwned(fd);
  return undefined;
}
