/**
 * Keeps many operations that run at once from holding the event loop. Each of them does its synchronous work (reads of
 * small files, mostly) in pieces of about a millisecond; here each piece gets a turn of the event loop of its own. If they
 * did without, a thousand operations that begin, or get their events, in one turn would make that turn last a second.
 */

/** In the order of the calls. There is one for each thread. */
const waiting: (() => void)[] = [];

/**
 * Resolves in a turn of the event loop in which nobody else's wait here resolves. The caller then does one piece of work
 * synchronously, and calls this again before the next one.
 */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
  });
}

function next(): void {
  waiting[0]?.();
  waiting.shift();
  if (waiting.length > 0) setImmediate(next);
}
