/**
 * Reports files that appear or change in a directory. All watches of a thread share one inotify descriptor.
 * There is no watch if the inotify limits are reached: a caller must also have another, slower way to see a change.
 * Behaviour: inotify(7), through Node's fs.watch().
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
    // Ignore: callers also have another way to see a change.
    watcher.on('error', () => undefined);
  }

  /**
   * Starts a watch, which does not keep the event loop alive.
   * @returns undefined if the inotify limits are reached or the directory is gone.
   * @throws any other system error.
   */
  static open(path: string): DirWatch | undefined {
    try {
      return new DirWatch(watch(path, { persistent: false }));
    } catch (error) {
      if (hasCode(error, 'EMFILE', 'ENFILE', 'ENOSPC', 'ENOMEM', 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Sets the one listener, which gets the name of each file; undefined removes it. */
  onFile(listener: ((name: string) => void) | undefined): void {
    this.#onFile = listener;
  }

  close(): void {
    this.#onFile = undefined;
    this.#watcher.close();
  }
}
