/** What is done to a container through its object, told to those who keep a record of it. */
import type { Process } from './process.js';

/** `start`: of the process given; `remove`: that process is forgotten; the others are the container's own. */
export type ContainerChange = 'start' | 'remove' | 'pause' | 'resume' | 'delete';

export type ChangeListener = (change: ContainerChange, process: Process | undefined) => void;

export class ContainerChanges {
  readonly #listeners = new Set<ChangeListener>();

  /** Calls `listener` at each change, before the call that made it returns, until the returned function is called. */
  subscribe(listener: ChangeListener): () => void {
    const own: ChangeListener = (change, process) => listener(change, process);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** A listener must not throw. */
  tell(change: ContainerChange, process?: Process): void {
    for (const listener of [...this.#listeners]) listener(change, process);
  }
}
