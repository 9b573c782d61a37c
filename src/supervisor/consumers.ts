/**
 * The readers of the event log: named consumers, each with its acknowledged sequence in a file, and this process's
 * iterators. Tells which events a reader still needs; log.ts keeps the segments with these events.
 * Does not read events; reader.ts does. Behaviour: docs/events.md.
 */
import * as fs from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgValue } from '../base/arg-errors.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { inTurns } from '../base/turns.js';
import { readText, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import { isId } from '../oci/ids.js';

const PREFIX = 'consumer-';
/** The end of the name of a file that was not completely written. */
const UNFINISHED = '.tmp';
const MAX_BYTES = 4096;

/** The number of decimal digits of the largest sequence. */
const SEQUENCE_DIGITS = String(Number.MAX_SAFE_INTEGER).length;

export class EventConsumers {
  readonly #dir: string;
  readonly #acknowledged = new Map<string, number>();
  /** The consumers whose file has the length that every record has now: an older release wrote shorter ones. */
  readonly #fixedLength = new Set<string>();
  readonly #iterators = new Set<{ next: number }>();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads the consumers' files. @throws {OutliveError} `ERR_INVALID_STATE` if one is broken; a system error. */
  static async open(dir: string): Promise<EventConsumers> {
    const consumers = new EventConsumers(dir);
    await inTurns(await readdir(dir), (name) => {
      if (name.startsWith(PREFIX) && !name.endsWith(UNFINISHED)) consumers.#read(name.slice(PREFIX.length));
    });
    return consumers;
  }

  #read(name: string): void {
    const path = this.#path(name);
    const text = readText(path, MAX_BYTES);
    const { acknowledged } = parseJsonObject(text, path);
    if (!isSequence(acknowledged)) throw new OutliveError('ERR_INVALID_STATE', `${path}: has no sequence`);
    this.#acknowledged.set(name, acknowledged);
    if (text === recordOf(acknowledged)) this.#fixedLength.add(name);
  }

  /** The last sequence that each consumer has acknowledged. */
  all(): ReadonlyMap<string, number> {
    return new Map(this.#acknowledged);
  }

  /** The last sequence that a consumer has acknowledged; undefined if there is no such consumer. */
  position(name: string): number | undefined {
    return this.#acknowledged.get(name);
  }

  /**
   * Writes a sequence to the consumer's file if it is above the last one. Makes the consumer if it is new.
   * @throws a system error; then the consumer's position is the last one.
   */
  acknowledge(name: string, sequence: number): void {
    const known = this.#acknowledged.get(name);
    if (known !== undefined && known >= sequence) return;
    const [path, record] = [this.#path(name), recordOf(sequence)];
    if (!this.#fixedLength.has(name) || !overwrite(path, record)) {
      writeFileAtomic(path, record);
      this.#fixedLength.add(name);
    }
    this.#acknowledged.set(name, sequence);
  }

  /** Removes a consumer. @returns whether there was one. */
  remove(name: string): boolean {
    fs.rmSync(this.#path(name), { force: true });
    this.#fixedLength.delete(name);
    return this.#acknowledged.delete(name);
  }

  /** Adds an iterator that needs the event `next` and all later ones. The caller updates `next` in the result. */
  enter(next: number): { next: number } {
    const place = { next };
    this.#iterators.add(place);
    return place;
  }

  leave(place: { next: number }): void {
    this.#iterators.delete(place);
  }

  /** Whether a consumer or an iterator still needs the event with this sequence. */
  wants(sequence: number): boolean {
    for (const acknowledged of this.#acknowledged.values()) if (acknowledged < sequence) return true;
    for (const { next } of this.#iterators) if (next <= sequence) return true;
    return false;
  }

  #path(name: string): string {
    return join(this.#dir, `${PREFIX}${name}`);
  }
}

/** A consumer's file. All have the same length, so that a later one can be written over an earlier one. */
function recordOf(acknowledged: number): string {
  return `{"acknowledged":${String(acknowledged).padStart(SEQUENCE_DIGITS)}}\n`;
}

/**
 * Writes a record over the one in the file, by one pwrite(2) inside one sector: after a crash of this program or a power
 * cut, the file holds one of the two. A new file and its rename would take 50 times as long on a disk.
 * @returns false if it is not written: somebody has removed the file.
 */
function overwrite(path: string, record: string): boolean {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
  try {
    return fs.writeSync(fd, record, 0) === record.length;
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Checks a consumer's name: an id of at most 100 characters. One that ends in `.tmp` would have the name of an unfinished
 * file. @throws {TypeError} `ERR_INVALID_ARG_VALUE`.
 */
export function checkConsumer(name: unknown): asserts name is string {
  if (typeof name === 'string' && isId(name) && name.length <= 100 && !name.endsWith(UNFINISHED)) return;
  const rule = `must match [A-Za-z0-9][A-Za-z0-9_.+-]*, have at most 100 characters, and not end in ${UNFINISHED}`;
  throw invalidArgValue('consumer', name, rule);
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
