/**
 * A bounded queue of events between a monitor and one async iterator, which it also is.
 * Does not know what an event means. Behaviour: the iteration protocols of JavaScript.
 */
import { OutliveError } from '../base/errors.js';
import { type Deferred, deferred } from '../base/promises.js';
import { Queue } from '../base/queue.js';

export class MonitorQueue<T extends object> implements AsyncIterableIterator<T> {
  readonly #events = new Queue<T>();
  readonly #limit: number;
  readonly #onEnd: (queue: MonitorQueue<T>) => void;
  readonly #takers = new Queue<Deferred<IteratorResult<T, undefined>>>();
  #overflow: OutliveError | undefined;
  #ended = false;

  constructor(limit: number, onEnd: (queue: MonitorQueue<T>) => void) {
    this.#limit = limit;
    this.#onEnd = onEnd;
  }

  /** Adds an event. Above the limit it and all later ones are dropped: `next()` rejects after the pending ones. */
  push(event: T): void {
    if (this.#ended || this.#overflow !== undefined) return;
    const taker = this.#takers.take();
    if (taker !== undefined) {
      taker.resolve({ done: false, value: event });
      return;
    }
    if (this.#events.size < this.#limit) this.#events.push(event);
    else this.#overflow = overflowError(this.#limit);
  }

  /** The error that next() gives after the pending events; undefined if none was dropped. */
  get dropped(): OutliveError | undefined {
    return this.#overflow;
  }

  /** Removes and returns the first pending event; undefined if there is none. */
  take(): T | undefined {
    return this.#events.take();
  }

  /** Ends the iteration after the pending events. */
  end(): void {
    this.#ended = true;
    for (let taker = this.#takers.take(); taker !== undefined; taker = this.#takers.take()) {
      taker.resolve({ done: true, value: undefined });
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const event = this.#events.take();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#overflow !== undefined) {
      const error = this.#overflow;
      void this.return();
      this.#overflow = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const taker = deferred<IteratorResult<T, undefined>>();
    this.#takers.push(taker);
    return taker.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#events.clear();
    this.end();
    this.#onEnd(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function overflowError(limit: number): OutliveError {
  return new OutliveError('ERR_EVENTS_DROPPED', `more than ${limit} events were pending; later ones were dropped`);
}
