/** Calls listeners. */

/**
 * Calls `act` for each item: a listener, or an event that has one. If it throws, the others are called nevertheless, and the
 * error becomes an uncaught exception. So the error does not get to the caller, which has done nothing wrong.
 */
export function callEach<T>(items: Iterable<T>, act: (item: T) => void): void {
  for (const item of items) {
    try {
      act(item);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
