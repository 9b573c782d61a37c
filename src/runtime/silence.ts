/**
 * The reason of a start whose runtime failed and logged nothing. Such a runtime has refused its global arguments, or is no
 * runtime. It said so on stderr, but that was the process's own: so the runtime is run once more.
 */
import { OutliveError, hasCode, messageOf } from '../base/errors.js';
import { RuntimeRefusal, type RuntimeTarget, runRuntime } from './call.js';

/** The time limit of that second run, in milliseconds. */
const LIMIT_MS = 500;

/**
 * Adds to an `ERR_CONTAINER_NOT_STARTED` what the runtime says to `--version` with the container's global arguments, if it
 * fails at that too. Returns any other error as it is.
 */
export async function explainSilence(target: RuntimeTarget, error: unknown): Promise<unknown> {
  if (!hasCode(error, 'ERR_CONTAINER_NOT_STARTED')) return error;
  const limited = { ...target, timeoutMs: Math.min(target.timeoutMs, LIMIT_MS) };
  try {
    await runRuntime(limited, ['--version']);
    return error;
  } catch (cause) {
    if (!(cause instanceof RuntimeRefusal && cause.saysWhy)) return error;
    return new OutliveError('ERR_CONTAINER_NOT_STARTED', `${messageOf(error)} (${messageOf(cause)})`, { cause });
  }
}
