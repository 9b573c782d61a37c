/** Garbage collection on demand, for tests of what is kept. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects all garbage. A WeakRef holds its target to the end of the turn, so this begins with a new one. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
}

/** The size of the heap in bytes, without garbage. */
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < 2; i++) await collectGarbage();
  return process.memoryUsage().heapUsed;
}
