/** Waits for a fact that has no event of its own: looks again soon, and fails loudly when it never comes. */
import { setTimeout as delay } from 'node:timers/promises';

export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`never came: ${typeof what === 'string' ? what : what()}`);
    await delay(5);
  }
}
