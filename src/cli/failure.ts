/** What a failure is to a caller: one sentence on stderr, and an exit code. */

/** The command line is wrong. */
export class UsageError extends Error {}

/** The exit code of a failure of this command itself, as docker has it. */
export const FAILED = 125;

/** The message of a caught value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Its `code`; undefined if it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Tells it on stderr, as one line.
 * @param id what it is about, if the message may not say so.
 * @returns the exit code.
 */
export function tellFailure(error: unknown, id?: string): number {
  const message = messageOf(error).replaceAll('\n', ' ');
  const about = id === undefined || message.includes(id) ? '' : `${id}: `;
  process.stderr.write(`outlive: ${about}${message}\n`);
  return FAILED;
}
