/** What a failure is to a caller: one sentence on stderr, and an exit code. */
import { besideProgress } from './output.js';

/** The command line is wrong. */
export class UsageError extends Error {}

/** The exit code of a failure of this command itself, and of an end that is lost, as docker has it. */
export const FAILED = 125;
/** The program is there, but can't be run. */
export const CANNOT_RUN = 126;
/** There is no such program. */
export const NOT_FOUND = 127;
/** `--timeout` is over, as timeout(1) has it. */
export const TIMED_OUT = 124;

/** What is typed for an argument or option of the library, by its name there. */
const TYPED: Record<string, string> = {
  id: 'an id',
  'args[0]': 'the command',
  root: '--root',
  'options.root': '--root',
  'options.id': '--name',
  'options.cwd': '--workdir',
  'options.log.maxBytes': '--log-size',
  'options.runtime': '--runtime',
  'options.bundle': '--bundle',
  'options.from': '--cursor',
  'options.signal': '--signal',
  signal: '--signal',
  processId: '--process',
};

/** A message with the names of the command line in place of the library's. */
export function asTyped(message: string): string {
  const typed = (whole: string, name: string): string => TYPED[name] ?? whole;
  return message
    .replace(/^The (?:argument|property|value of) ['"]([\w.[\]]+)['"]/, typed)
    .replaceAll(/\b(options\.[\w.]*\w)/g, typed);
}

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
  const message = asTyped(messageOf(error)).replaceAll('\n', ' ');
  const about = id === undefined || message.includes(id) ? '' : `${id}: `;
  tell(`${about}${message}`);
  const { cause } = error instanceof Error ? error : {};
  if (codeOf(error) !== 'ERR_OCI_RUNTIME' || (cause as { syscall?: unknown } | undefined)?.syscall !== 'execve') {
    return FAILED;
  }
  return codeOf(cause) === 'ENOENT' ? NOT_FOUND : CANNOT_RUN;
}

/** Tells a person something, on stderr. */
export function tell(sentence: string): void {
  besideProgress(() => process.stderr.write(`outlive: ${sentence}\n`));
}

/** The end of a process, as `process.wait()` tells it. */
interface End {
  readonly status: number | undefined;
  readonly lost?: string;
}

/** The exit code of a command whose process has ended so. Tells it if the end is lost. */
export function exitCodeOfEnd({ status, lost = 'it is not known' }: End, id: string): number {
  if (status !== undefined) return status;
  tell(`the end of ${id} is lost: ${lost}`);
  return FAILED;
}

/** `process.exitCode` as a number. */
export function exitCodeOf(code: typeof process.exitCode): number {
  return Number(code ?? 0);
}
