/** Spreads what many followers do at the same moment over turns of the event loop: a thousand at once would hold it up. */

/** How many are called in one turn. */
const CALLS_A_TURN = 16;

const queue: (() => void)[] = [];
let next: NodeJS.Immediate | undefined;

/** Calls `callback` in the next turn of the event loop, or in a later one if many others wait. */
export function callInTurn(callback: () => void): void {
  queue.push(callback);
  schedule();
}

/** Resolves when callInTurn() would call. */
export function inTurn(): Promise<void> {
  return new Promise(callInTurn);
}

function schedule(): void {
  next ??= setImmediate(() => {
    next = undefined;
    for (const callback of queue.splice(0, CALLS_A_TURN)) callback();
    if (queue.length > 0) schedule();
  });
}
