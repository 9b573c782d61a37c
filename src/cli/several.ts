/** Runs a verb for several ids: one that fails is told, and does not stop the others. */
import type { Command } from 'commander';
import type { Container } from '../index.js';
import { FAILED, tellFailure, UsageError } from './failure.js';
import { printLines } from './output.js';
import { openContainer, rootOf } from './target.js';

/** How many ids are worked on at a time. */
const AT_A_TIME = 16;

/**
 * Calls `act` for each id, several at a time. Tells the results in the order of the ids. Calls it for none if a word is no id but a
 * number with a minus, which the parser takes for one: `kill -1 web` must not do to `web` what was not meant.
 * @param tell is called for each result.
 * @returns the exit code: 0, or 125 if one failed.
 */
export async function forEachId<T>(
  ids: readonly string[],
  act: (id: string) => Promise<T>,
  tell: (result: T, id: string) => void,
): Promise<number> {
  const number = ids.find((id) => id.startsWith('-'));
  if (number !== undefined) throw new UsageError(`unknown option '${number}' (a signal is given by -s)`);
  const waiting = ids.map((id, i) => ({ id, i }));
  const done = new Map<number, () => void>();
  let told = 0;
  let code = 0;
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { id, i } = next;
      try {
        const result = await act(id);
        done.set(i, () => tell(result, id));
      } catch (error) {
        done.set(i, () => {
          tellFailure(error, id);
          code = FAILED;
        });
      }
      for (let ready = done.get(told); ready !== undefined; ready = done.get(++told)) ready();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return code;
}

/** Calls `act` with each job, and prints the ids of those that it was done to. Sets the exit code. */
export async function changeEach(
  ids: readonly string[],
  command: Command,
  act: (container: Container) => unknown,
): Promise<void> {
  const root = await rootOf(command);
  process.exitCode = await forEachId(
    ids,
    async (id) => {
      using container = await openContainer(id, root);
      await act(container);
    },
    (_, id) => printLines([id]),
  );
}
