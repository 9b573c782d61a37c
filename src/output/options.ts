/** What a reader of a log is asked for, and what it gives; checks the options. Reads no file. */
import { checkAbortSignal, checkBoolean, checkInteger, checkKeys, checkString } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { parseCursor, type Place } from './cursor.js';
import type { StreamName } from './records.js';

/**
 * A part of a process's output. `cursor` is the place after this item, for the option `from` of a later read; it is durable,
 * opaque, and names its process. `timeMs` is in milliseconds since 1970, with a fraction: when the shim read the bytes, by
 * the clock of that moment, which may have been set back in between.
 *
 * - `data`: bytes of one stream, at most 64 KiB; the next item may go on within a line or a character.
 * - `gap`: so many bytes, of both streams together, are not kept any more, or could not be written.
 * - `resize`: the terminal has this size from here on.
 * - `end`: the process has ended with this status, 0 to 255. Output of children that it left may follow.
 */
export type OutputItem =
  | { type: 'data'; stream: 'stdout' | 'stderr'; data: Buffer; timeMs: number; cursor: string }
  | { type: 'gap'; bytes: number; cursor: string }
  | { type: 'resize'; columns: number; rows: number; timeMs: number; cursor: string }
  | { type: 'end'; status: number; timeMs: number; cursor: string };

/** Options of `readLog()` and of `process.output()`. */
export interface OutputReadOptions {
  /**
   * Where to begin. Default: `'start'`.
   * - `'start'`: the process's first byte. If that is not kept any more, a `gap` comes first.
   * - `'end'`: what comes after this call.
   * - a cursor: the place after the item that had it. If that is not kept any more, a `gap` comes first.
   * - `{ tail }`: at most the last so many bytes that are kept.
   * - `{ lines }`: at most the last so many lines that are kept. A last line without a newline counts.
   * - `{ since }`: the first bytes, resize or end with this time or a later one. If the clock was set back later on, items with
   *   an earlier time follow. A number is in milliseconds since 1970.
   */
  from?: 'start' | 'end' | (string & {}) | { tail: number } | { lines: number } | { since: Date | number } | undefined;
  /**
   * Whether to wait for more: until the end of the process, or until its shim was killed. Default false: what is there at the
   * call. If the process has ended and its shim has not written that to the log yet, this is waited for.
   */
  follow?: boolean | undefined;
  /** Only this stream's bytes, which `tail` and `lines` count then. Items of other types come always. Default: both. */
  stream?: 'stdout' | 'stderr' | undefined;
  /** Ends the iteration: it rejects with the signal's reason. Default none. */
  signal?: AbortSignal | undefined;
}

/** Where to begin, after it was checked. */
export type From = 'start' | 'end' | { place: Place } | { tail: number } | { lines: number } | { sinceMs: number };

export interface CheckedOptions {
  readonly from: From;
  readonly follow: boolean;
  readonly stream: StreamName | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * @param key the key of the process whose log is read.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; {RangeError} `ERR_OUT_OF_RANGE`.
 */
export function checkReadOptions(options: OutputReadOptions, key: string): CheckedOptions {
  checkKeys('options', options, ['from', 'follow', 'stream', 'signal']);
  const { from = 'start', follow = false, signal } = options;
  const stream: string | undefined = options.stream;
  checkBoolean('options.follow', follow);
  if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr') {
    throw invalidArgValue('options.stream', stream, "must be 'stdout' or 'stderr'");
  }
  checkAbortSignal('options.signal', signal);
  return { from: checkFrom(from, key), follow, stream, signal };
}

function checkFrom(from: unknown, key: string): From {
  const name = 'options.from';
  if (from === 'start' || from === 'end') return from;
  if (typeof from === 'string') {
    checkString(name, from);
    return { place: parseCursor(name, from, key) };
  }
  if (typeof from !== 'object' || from === null || Array.isArray(from)) {
    throw invalidArgType(name, 'of type string or an object with tail, lines or since', from);
  }
  checkKeys(name, from, ['tail', 'lines', 'since']);
  const given = Object.entries(from).filter(([, value]) => value !== undefined);
  const [entry] = given;
  if (entry === undefined || given.length > 1) {
    throw invalidArgValue(name, from, 'must have one of tail, lines and since');
  }
  const [kind, value] = entry as [string, unknown];
  if (kind === 'since') return { sinceMs: checkTime(`${name}.since`, value) };
  checkInteger(`${name}.${kind}`, value, 0, Number.MAX_SAFE_INTEGER);
  return kind === 'tail' ? { tail: value } : { lines: value };
}

function checkTime(name: string, value: unknown): number {
  const timeMs = value instanceof Date ? value.getTime() : value;
  if (typeof timeMs !== 'number') throw invalidArgType(name, 'of type number or an instance of Date', value);
  if (!Number.isFinite(timeMs)) throw invalidArgValue(name, value, 'must be a valid time');
  return timeMs;
}
