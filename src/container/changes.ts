/** What is done to a container through its object, told to those who keep a record of it. */
import type { Process } from './process.js';

/** `start`: the process given is there, or (after a `create()`) its program runs now; `remove`: that process is forgotten; the others are the container's own. */
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

  /** What a listener throws is nobody's who changed the container: it ends where uncaught exceptions do. */
  tell(change: ContainerChange, process?: Process): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change, process);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
