/**
 * Keeps many operations that run at once from holding the event loop. Each of them does its synchronous work (reads of
 * small files, mostly) in pieces of about a millisecond; here each piece gets a turn of the event loop of its own. If they
 * did without, a thousand operations that begin, or get their events, in one turn would make that turn last a second.
 */
import { callEach } from './listeners.js';
import { Queue } from './queue.js';

/** Calls what waits, in the order of the calls, a limited number in each turn of the event loop. */
export class TurnQueue {
  readonly #width: number;
  readonly #waiting = new Queue<() => void>();
  #isScheduled = false;

  /** @param width how many are called in one turn. */
  constructor(width: number) {
    this.#width = width;
  }

  /** Calls `callback` in the next turn of the event loop, or in a later one if many others wait. */
  call(callback: () => void): void {
    this.#waiting.push(callback);
    this.#schedule();
  }

  /** Resolves when call() would call. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.call(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const now: (() => void)[] = [];
      for (let next; now.length < this.#width && (next = this.#waiting.take()) !== undefined;) now.push(next);
      if (this.#waiting.size > 0) this.#schedule();
      callEach(now, (callback) => callback());
    });
  }
}

/** There is one for each thread. */
const pieces = new TurnQueue(1);

/**
 * Resolves in a turn of the event loop in which nobody else's wait here resolves. The caller then does one piece of work
 * synchronously, and calls this again before the next one.
 */
export function ownTurn(): Promise<void> {
  return pieces.wait();
}

/** How long a piece of a loop is in one turn of the event loop, in milliseconds; and after how many items the clock is read. */
const PIECE_MS = 2;
const PIECE_ITEMS = 16;

/** Divides a loop over many short items into pieces of two milliseconds, each in a turn of the event loop of its own. */
export class Pieces {
  #endsMs = performance.now() + PIECE_MS;

  /** Call it before an item. Resolves at once, or in a later turn if this piece is long enough. */
  async next(): Promise<void> {
    if (performance.now() < this.#endsMs) return;
    await ownTurn();
    this.#endsMs = performance.now() + PIECE_MS;
  }
}

/**
 * Calls `act` for each item, in their order: at once for the first 16 and for as many as can be done in two milliseconds, for
 * the others in later turns of the event loop. `act` must be short, some 0.1 ms. Resolves after the last one; rejects with what `act` throws, and the rest is left out.
 */
export async function inTurns<T>(items: Iterable<T>, act: (item: T) => void): Promise<void> {
  const pieces = new Pieces();
  let count = 0;
  for (const item of items) {
    if (count > 0 && count % PIECE_ITEMS === 0) await pieces.next();
    count++;
    act(item);
  }
}
