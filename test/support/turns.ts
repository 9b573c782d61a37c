/** How much work is done in one turn of the event loop, independent of what else the machine does. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** The synchronous calls of node:fs, each of which takes some 10 µs. */
const syncCalls = Object.entries(fs).filter(
  ([name, value]) => name.endsWith('Sync') && typeof value === 'function',
) as unknown as [keyof typeof fs, (...args: unknown[]) => unknown][];

/** The most synchronous calls of node:fs that are made in one turn of the event loop while `task` is under way. */
export async function mostInATurn(task: () => Promise<unknown>): Promise<number> {
  let most = 0;
  let calls = 0;
  for (const [name, call] of syncCalls) {
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        calls++;
        return call.apply(fs, args);
      },
    });
  }
  syncBuiltinESMExports();
  let isOver = false;
  const turn = (): void => {
    most = Math.max(most, calls);
    calls = 0;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await task();
    return Math.max(most, calls);
  } finally {
    isOver = true;
    for (const [name, call] of syncCalls) Object.assign(fs, { [name]: call });
    syncBuiltinESMExports();
  }
}

/** Works for so many milliseconds. */
export function work(ms: number): void {
  const endsMs = performance.now() + ms;
  while (performance.now() < endsMs) continue;
}

/** In which turn of the event loop each call of `note` comes, until stop(). */
export class Turns {
  readonly of: number[] = [];
  #turn = 0;
  #timer: NodeJS.Immediate | undefined;

  constructor() {
    const next = (): void => {
      this.#turn++;
      this.#timer = setImmediate(next);
    };
    this.#timer = setImmediate(next);
  }

  note(): void {
    this.of.push(this.#turn);
  }

  /** The most calls in one turn. */
  get most(): number {
    const counts = new Map<number, number>();
    for (const turn of this.of) counts.set(turn, (counts.get(turn) ?? 0) + 1);
    return Math.max(0, ...counts.values());
  }

  stop(): void {
    clearImmediate(this.#timer);
  }
}
