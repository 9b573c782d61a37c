/**
 * Stops one process: a signal, a time to obey it, then SIGKILL. Owns the order and the time limits. Behaviour: docker-stop(1),
 * and systemd.kill(5), "SendSIGKILL=".
 */
import { checkInteger, checkKeys } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { within } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { Signal } from '../posix/index.js';
import { signalNumber } from '../posix/signals.js';
import type { Exit } from '../state/exit.js';
import type { Lifecycle } from './lifecycle.js';

/** Options of `process.stop()`. */
export interface StopOptions {
  /** What asks it to end: a name, or a number from 1 to 64. Default `'SIGTERM'`. */
  readonly signal?: Signal | undefined;
  /** How long it may take to obey, in milliseconds, 0 to 2147483647. Then it gets SIGKILL. Default 10000. */
  readonly graceMs?: number | undefined;
}

/** The process to stop. */
export interface Stoppable {
  readonly id: string;
  readonly lifecycle: Lifecycle;
  /** How long it may live after SIGKILL, in milliseconds. */
  readonly timeoutMs: number;
  /** Sends SIGKILL to everything in its container. */
  readonly killAll: () => Promise<void>;
}

/** As `Process.stop()`. */
export async function stopProcess(target: Stoppable, options: StopOptions): Promise<Exit> {
  checkKeys('options', options, ['signal', 'graceMs']);
  const { signal = 'SIGTERM', graceMs = 10_000 } = options;
  const number = signalNumber(signal, 'options.signal');
  checkInteger('options.signal', number, 1, 64);
  checkInteger('options.graceMs', graceMs, 0, 2_147_483_647);
  const { lifecycle, timeoutMs } = target;
  const known = lifecycle.exit;
  if (known !== undefined) return cleanedUp(target, known);
  lifecycle.reopen();
  const waiting = new AbortController();
  const ended = lifecycle.wait(waiting.signal);
  // It is awaited below, unless a signal fails before that.
  ended.catch(() => undefined);
  try {
    sendIfAlive(lifecycle, number);
    let exit = await within(ended, graceMs);
    if (exit === undefined) {
      await kill(target);
      exit = await within(ended, timeoutMs);
    }
    if (exit === undefined) throw notExited(`${lifecycle.dir.what} was not ended by SIGKILL`, timeoutMs);
    return await cleanedUp(target, exit);
  } finally {
    waiting.abort();
  }
}

/** Waits for the clean-up of the shim of a first process, which ends what is left of the container. */
async function cleanedUp({ id, lifecycle, timeoutMs }: Stoppable, exit: Exit): Promise<Exit> {
  if (id !== INIT_PROCESS_ID || (await lifecycle.shimCleanedUp(timeoutMs))) return exit;
  throw notExited(`the shim of ${lifecycle.dir.what} has not cleaned up`, timeoutMs);
}

function notExited(what: string, timeoutMs: number): OutliveError {
  return new OutliveError('ERR_PROCESS_NOT_EXITED', `${what} within ${timeoutMs} ms`);
}

function sendIfAlive(lifecycle: Lifecycle, signal: number): void {
  try {
    lifecycle.signal(signal);
  } catch (error) {
    if (!hasCode(error, 'ERR_PROCESS_EXITED')) throw error;
  }
}

/** Ends all of the container if it is the first process, else exactly this process. */
async function kill({ id, lifecycle, killAll }: Stoppable): Promise<void> {
  // If the runtime fails (the container has just ended, is busy …), the end of the first process brings about the rest's.
  if (id === INIT_PROCESS_ID) await killAll().catch(() => undefined);
  lifecycle.kill();
}
