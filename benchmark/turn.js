/**
 * The turns of the event loop while something is under way: the longest one, and what it consisted of. A turn that was long
 * because V8 collected garbage, or because the machine ran something else, says nothing about the work that is measured.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Turns below this many milliseconds are not kept. */
const KEPT_MS = 2;

/**
 * One turn of the event loop, in milliseconds.
 * @typedef {object} Turn
 * @property {number} ms how long it was
 * @property {number} gcMs of that, V8's garbage collector on this thread
 * @property {number} waitMs of that, this thread was ready and another one had the processor
 */

/**
 * The longest turn of the loop while `task` is under way.
 * @template T
 * @param {() => Promise<T> | T} task
 * @returns {Promise<{ result: T, longest: Turn, own: Turn }>} `own` is the one that was longest by {@link ownMs}.
 */
export async function longestTurn(task) {
  /** @type {{ begin: number, end: number }[]} */
  const collections = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      collections.push({ begin: startTime, end: startTime + duration });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const waits = new ProcessorWaits();
  /** @type {{ begin: number, end: number, waitMs: number }[]} */
  const kept = [];
  let begin = performance.now();
  let waited = waits.ms;
  let over = false;
  const turn = () => {
    const end = performance.now();
    const waitedNow = waits.ms;
    if (end - begin >= KEPT_MS) kept.push({ begin, end, waitMs: waitedNow - waited });
    begin = end;
    waited = waitedNow;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await task();
  over = true;
  turn();
  // The observer is told of collections in a later turn.
  await delay(10);
  observer.disconnect();
  waits.close();
  const turns = kept.map(({ begin, end, waitMs }) => {
    const inside = collections.map((gc) => Math.min(end, gc.end) - Math.max(begin, gc.begin)).filter((ms) => ms > 0);
    return { ms: end - begin, gcMs: inside.reduce((sum, ms) => sum + ms, 0), waitMs };
  });
  const most = (/** @type {(turn: Turn) => number} */ of) =>
    turns.reduce((longest, turn) => (of(turn) > of(longest) ? turn : longest), { ms: 0, gcMs: 0, waitMs: 0 });
  return { result, longest: most(({ ms }) => ms), own: most(ownMs) };
}

/**
 * What is left of a turn without garbage collection or without waits for a processor, in milliseconds: at most so much is its
 * own. Not both are taken off, as the thread may have waited in the middle of a collection.
 */
export function ownMs(/** @type {Turn} */ { ms, gcMs, waitMs }) {
  return Math.max(0, ms - Math.max(gcMs, waitMs));
}

/** How long this thread has been ready and without a processor, by the kernel's scheduler. */
class ProcessorWaits {
  #fd = openSync('/proc/thread-self/schedstat', 'r');
  #bytes = Buffer.alloc(64);

  get ms() {
    const size = readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
    return Number(this.#bytes.toString('latin1', 0, size).split(' ')[1]) / 1e6;
  }

  close() {
    closeSync(this.#fd);
  }
}
