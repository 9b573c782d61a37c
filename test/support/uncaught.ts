/** What nobody caught: for a test of a listener that throws. */
import { onTestFinished } from 'vitest';

/** Takes the uncaught exceptions of this program, in place of vitest, until the test is over. @returns those so far; it grows. */
export function catchUncaught(): readonly unknown[] {
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  return uncaught;
}
