/**
 * The time limit of a call that starts a process, with its clean-up: if that takes long (the runtime hangs, a killed
 * process does not end), the caller gets the error of the start, and the clean-up goes on. Does not own the clean-up.
 */
import { Deadline } from '../base/deadline.js';
import { deferred, within } from '../base/promises.js';
import type { Attempt } from '../shim/start.js';

/** How long after the time limit of the start its caller waits for the clean-up, in milliseconds. */
const CLEAN_UP_LIMIT_MS = 800;

export class StartAttempt implements Attempt {
  readonly deadline: Deadline;
  readonly #failed = deferred<unknown>();

  constructor(timeoutMs: number) {
    this.deadline = new Deadline(timeoutMs);
  }

  readonly onFailed = (error: unknown): void => this.#failed.resolve(error);

  /**
   * Settles as `whole` does, the start with its clean-up. If the start has failed and the clean-up is late, it rejects
   * with the error of the start.
   */
  inTime<T>(whole: Promise<T>): Promise<T> {
    const over = whole.then(
      () => true,
      () => true,
    );
    const late = this.#failed.promise.then(async (error) => {
      await within(over, this.deadline.leftMs + CLEAN_UP_LIMIT_MS);
      throw error;
    });
    return Promise.race([whole, late]);
  }
}
