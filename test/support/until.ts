/** Waits for a fact that has no event of its own: polls every 5 ms, and throws after 20 s. `what` names the fact. */
import { setTimeout as delay } from 'node:timers/promises';

export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${typeof what === 'string' ? what : what()}`);
    await delay(5);
  }
}
