/**
 * Waits for a fact that has no event of its own: polls every 5 ms, and throws after the limit. `what` names the fact. By the
 * monotonic clock: a test may set the date, or stop it (vi.useFakeTimers()).
 */
import { setTimeout as delay } from 'node:timers/promises';

export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs / 1000} s: ${typeof what === 'string' ? what : what()}`);
    }
    await delay(5);
  }
}
