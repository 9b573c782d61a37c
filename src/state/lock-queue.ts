/**
 * The takes of this thread that wait for a container's lock (lock.ts), by lock and in the order of their calls. Only the
 * first one waits on the kernel, so that a lock that is given back wakes one of them and not all.
 */

/** One take that waits: first for its turn, then for the holder's leaving. Both end at its time limit. */
export class Waiter {
  /** The time limit is over. */
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

  /** Resolves at the next resume(), or at the time limit, which must not be over yet. */
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

/** Whether somebody in this thread waits for the lock already. */
export function isQueued(path: string): boolean {
  return queues.has(path);
}

/** Joins the lock's queue; resolves when the waiter is its first one, or late. leave() must follow. */
export async function enter(path: string, waiter: Waiter): Promise<void> {
  const queue = queues.get(path) ?? [];
  queues.set(path, queue);
  queue.push(waiter);
  while (queue[0] !== waiter && !waiter.isLate) await waiter.pause();
}

/** Leaves the queue; the next one is the first then. */
export function leave(path: string, waiter: Waiter): void {
  waiter.end();
  const queue = queues.get(path) ?? [];
  const index = queue.indexOf(waiter);
  queue.splice(index, 1);
  if (queue.length === 0) queues.delete(path);
  else if (index === 0) queue[0]?.resume();
}
