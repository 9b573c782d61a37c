/**
 * Cursors: where to go on reading a process's log, as text that may be stored. A cursor names its process by the key.
 * Callers must not depend on what is in it. Reads no file.
 *
 *   <key>.<segment>.<records>.<position>.<whether the end was given: 0 or 1>
 *
 * The number of the index's records that were used says which resize and end records were given, since those have no
 * bytes and so do not move the position.
 */
import { invalidArgValue } from '../base/arg-errors.js';

/** A place in a log. */
export interface Place {
  /** The segment that was read last; -1 if that is not known. */
  readonly segment: number;
  /** How many records of this segment's index were used, invalid ones included. */
  readonly records: number;
  /** The position of the next byte. */
  readonly position: number;
  /** Whether the end record was given. */
  readonly isEndGiven: boolean;
}

/** A place of which only the position is known: all resize and end records there are still to come. */
export function placeAt(position: number): Place {
  return { segment: -1, records: 0, position, isEndGiven: false };
}

export function formatCursor(key: string, segment: number, records: number, position: number, end: boolean): string {
  return `${key}.${segment < 0 ? '' : segment}.${records}.${position}.${end ? 1 : 0}`;
}

const EXPECTED = "must be 'start', 'end', a cursor, or an object as { lines: 10 }";

const CURSOR = /^(.+)\.(\d{0,16})\.(\d{1,16})\.(\d{1,16})\.([01])$/s;

/**
 * The place that a cursor stands for.
 * @param key the key of the process whose log is read.
 * @throws {TypeError} `ERR_INVALID_ARG_VALUE` if it is no cursor, or one of another process.
 */
export function parseCursor(name: string, cursor: string, key: string): Place {
  const match = CURSOR.exec(cursor);
  if (match === null) throw invalidArgValue(name, cursor, EXPECTED);
  if (match[1] !== key) throw invalidArgValue(name, cursor, 'is a cursor of another process');
  const segment = match[2] === '' ? -1 : Number(match[2]);
  const [records, position] = [Number(match[3]), Number(match[4])];
  if (![segment, records, position].every(Number.isSafeInteger)) {
    throw invalidArgValue(name, cursor, EXPECTED);
  }
  return { segment, records, position, isEndGiven: match[5] === '1' };
}
