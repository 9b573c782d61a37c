/**
 * Tells of files that appear or change in a directory: inotify(7), one descriptor for all watches of a thread. Where its
 * limits are used up there is no watch, and whoever asked has another way to find out, a slower one.
 */
import { type FSWatcher, watch } from 'node:fs';
import { hasCode } from '../base/errors.js';

export class DirWatch {
  readonly #watcher: FSWatcher;
  #onFile: ((name: string) => void) | undefined;

  private constructor(watcher: FSWatcher) {
    this.#watcher = watcher;
    watcher.on('change', (_event, name) => {
      this.#onFile?.(String(name));
    });
    // Whoever asked finds out without it.
    watcher.on('error', () => undefined);
  }

  /**
   * Does not keep the event loop alive. Undefined where the limits are used up, or the directory is gone; throws any other
   * system error.
   */
  static open(path: string): DirWatch | undefined {
    try {
      return new DirWatch(watch(path, { persistent: false }));
    } catch (error) {
      if (hasCode(error, 'EMFILE', 'ENFILE', 'ENOSPC', 'ENOMEM', 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** From now on this is who is told the name of each file; undefined: nobody. */
  onFile(listener: ((name: string) => void) | undefined): void {
    this.#onFile = listener;
  }

  close(): void {
    this.#onFile = undefined;
    this.#watcher.close();
  }
}
