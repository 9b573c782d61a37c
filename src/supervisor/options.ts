/** What `Supervisor`'s methods take, and the checks of it. */
import { checkBoolean, checkInteger, checkObject } from '../base/arg-checks.js';

export interface SupervisorOptions {
  /** As of `Container.load`. */
  timeoutMs?: number;
  /** As of `Monitor`. */
  initHoldMs?: number;
  /** How large the log may get, in bytes, before its oldest segments go. Default 64 MiB. */
  maxLogBytes?: number;
  /** How old, in milliseconds, a segment's newest event may get before the segment goes. Default 30 days. */
  maxLogAgeMs?: number;
  /** How large a segment may get, in bytes, 1 to 1 GiB. Default 1 MiB. */
  segmentBytes?: number;
}

export interface EventsOptions {
  /**
   * A sequence: events after that one (0: from the first event ever). A Date: events logged at that time or later, as far
   * as they are kept. Default: all that are kept.
   */
  since?: number | Date;
  /** Instead of `since`: events after the last one that this consumer has acknowledged. A new one begins with the oldest. */
  consumer?: string;
  /** Go on with what happens from now on, until the supervisor is closed. Default false. */
  follow?: boolean;
  /** Ends the iteration with its reason. */
  signal?: AbortSignal;
}

export function checkEventsOptions(options: unknown): void {
  checkObject('options', options);
  if (options.follow !== undefined) checkBoolean('options.follow', options.follow);
}

export function checkSupervisorOptions(options: unknown): void {
  checkObject('options', options);
  const { maxLogBytes, maxLogAgeMs, segmentBytes } = options;
  const most = Number.MAX_SAFE_INTEGER;
  if (maxLogBytes !== undefined) checkInteger('options.maxLogBytes', maxLogBytes, 0, most);
  if (maxLogAgeMs !== undefined) checkInteger('options.maxLogAgeMs', maxLogAgeMs, 0, most);
  if (segmentBytes !== undefined) checkInteger('options.segmentBytes', segmentBytes, 1, 1 << 30);
}
