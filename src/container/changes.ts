/** Reports the changes that are made through a container's object to its listeners: a monitor, a supervisor. */
import { callEach } from '../base/listeners.js';

/**
 * `start`: the given process was started, or the program of a created container was let run. `remove`: the given
 * process was removed. The others concern the whole container.
 */
export type ContainerChange = 'start' | 'remove' | 'pause' | 'resume' | 'delete';

export type ChangeListener<Process> = (change: ContainerChange, process: Process | undefined) => void;

const NO_LISTENERS: readonly never[] = Object.freeze([]);

export class ContainerChanges<Process> {
  /** Few: an array takes less than a set, and there may be thousands of containers without any. */
  #listeners: readonly ChangeListener<Process>[] = NO_LISTENERS;

  /**
   * Calls `listener` at each change, before the method that made it resolves. Ends when the returned function is
   * called.
   */
  subscribe(listener: ChangeListener<Process>): () => void {
    const own: ChangeListener<Process> = (change, process) => listener(change, process);
    this.#listeners = [...this.#listeners, own];
    return () => {
      this.#listeners = this.#listeners.filter((listener) => listener !== own);
    };
  }

  /** If a listener throws, the method that made the change does not fail: the error becomes an uncaught exception. */
  tell(change: ContainerChange, process?: Process): void {
    callEach(this.#listeners, (listener) => listener(change, process));
  }
}
