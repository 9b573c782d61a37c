/**
 * The queues of this thread: takes that wait for a container's lock (lock.ts), a queue for each lock, in the order of
 * the calls. Only the first of a queue watches the FIFO, so that a lock that is given back wakes one take and not all.
 */

/** A take that waits: first for its turn, then until the holder gives the lock back. Both end at its time limit. */
export class Waiter {
  /** Whether the time limit is over. */
  isLate = false;
  readonly #timer: NodeJS.Timeout;
  #resume = (): void => undefined;

  /** @param timeoutMs 1 to 2147483647. Keeps the event loop alive until end(). */
  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.resume();
    }, timeoutMs);
  }

  /** Resolves at the next resume() or at the time limit. Do not call it after the time limit. */
  pause(): Promise<void> {
    return new Promise((done) => {
      this.#resume = done;
    });
  }

  resume(): void {
    this.#resume();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const queues = new Map<string, Waiter[]>();

/** Whether a take in this thread waits for the lock already. */
export function isQueued(path: string): boolean {
  return queues.has(path);
}

/** Joins the lock's queue. Resolves when the waiter is the first, or is late. The caller must call leave() after it. */
export async function enter(path: string, waiter: Waiter): Promise<void> {
  const queue = queues.get(path) ?? [];
  queues.set(path, queue);
  queue.push(waiter);
  while (queue[0] !== waiter && !waiter.isLate) await waiter.pause();
}

/** Leaves the queue. If the waiter was the first, wakes the next one. */
export function leave(path: string, waiter: Waiter): void {
  waiter.end();
  const queue = queues.get(path) ?? [];
  const index = queue.indexOf(waiter);
  queue.splice(index, 1);
  if (queue.length === 0) queues.delete(path);
  else if (index === 0) queue[0]?.resume();
}
