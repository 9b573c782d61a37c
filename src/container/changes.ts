/** Changes made to a container through its object, told to those who keep a record of it (monitor, supervisor). */

/**
 * `start`: the given process was launched, or (after a `create()`) its program was let run; `remove`: the given process was
 * removed; the others are the container's own.
 */
export type ContainerChange = 'start' | 'remove' | 'pause' | 'resume' | 'delete';

export type ChangeListener<Process> = (change: ContainerChange, process: Process | undefined) => void;

export class ContainerChanges<Process> {
  readonly #listeners = new Set<ChangeListener<Process>>();

  /** Calls `listener` at each change, before the call that made it returns, until the returned function is called. */
  subscribe(listener: ChangeListener<Process>): () => void {
    const own: ChangeListener<Process> = (change, process) => listener(change, process);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** An exception of a listener is not thrown to the caller that made the change: it becomes an uncaught exception. */
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
