/** The options of `Supervisor`'s methods and their checks. The defaults are in supervisor.ts. */
import { checkAbortSignal, checkBoolean, checkInteger, checkKeys, checkTimeout } from '../base/arg-checks.js';

/** Options of `Supervisor.open()`. */
export interface SupervisorOptions {
  /** The option `timeoutMs` of `Container.load()`, and of `create()` if that is given none, in milliseconds. Default 15000. */
  timeoutMs?: number | undefined;
  /** The option `initHoldMs` of `Monitor`, in milliseconds, 0 to 60000. Default 2000. */
  initHoldMs?: number | undefined;
  /** The size of the log, in bytes, above which its oldest segments are removed; at least 0. Default 64 MiB. */
  maxLogBytes?: number | undefined;
  /** The age of a segment's newest event, in milliseconds, above which the segment is removed. Default 30 days. */
  maxLogAgeMs?: number | undefined;
  /**
   * The size of a segment, in bytes, from which on the next one is begun, 1 to 1 GiB. Default 1 MiB. A segment is also at
   * least 16 times as large as the snapshot at its beginning.
   */
  segmentBytes?: number | undefined;
}

/** Options of `supervisor.events()`. */
export interface EventsOptions {
  /**
   * A sequence: the events after that one; 0 means from the very first event. A Date: the kept events that were logged
   * at that time or later. Default: all kept events.
   */
  since?: number | Date | undefined;
  /** In place of `since`: the events after the last one that this consumer acknowledged; all kept ones if it is new. Default none. */
  consumer?: string | undefined;
  /** Whether to continue with new events until the supervisor is closed. Default false. */
  follow?: boolean | undefined;
  /** Aborts the iteration: `next()` rejects with the signal's reason. Default none. */
  signal?: AbortSignal | undefined;
}

export function checkEventsOptions(options: EventsOptions): void {
  checkKeys('options', options, ['since', 'consumer', 'follow', 'signal']);
  if (options.follow !== undefined) checkBoolean('options.follow', options.follow);
  checkAbortSignal('options.signal', options.signal);
}

export function checkSupervisorOptions(options: SupervisorOptions): void {
  checkKeys('options', options, ['timeoutMs', 'initHoldMs', 'maxLogBytes', 'maxLogAgeMs', 'segmentBytes']);
  const { timeoutMs, initHoldMs, maxLogBytes, maxLogAgeMs, segmentBytes } = options;
  const most = Number.MAX_SAFE_INTEGER;
  if (timeoutMs !== undefined) checkTimeout('options.timeoutMs', timeoutMs);
  if (initHoldMs !== undefined) checkInteger('options.initHoldMs', initHoldMs, 0, 60_000);
  if (maxLogBytes !== undefined) checkInteger('options.maxLogBytes', maxLogBytes, 0, most);
  if (maxLogAgeMs !== undefined) checkInteger('options.maxLogAgeMs', maxLogAgeMs, 0, most);
  if (segmentBytes !== undefined) checkInteger('options.segmentBytes', segmentBytes, 1, 1 << 30);
}
