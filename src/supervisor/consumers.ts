/**
 * The readers of the event log: named consumers, each with its acknowledged sequence in a file, and this process's
 * iterators. Tells which events a reader still needs; log.ts keeps the segments with these events.
 * Does not read events; reader.ts does. Behaviour: docs/events.md.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { invalidArgValue } from '../base/arg-errors.js';
import { OutliveError } from '../base/errors.js';
import { readText, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import { isId } from '../oci/ids.js';

const PREFIX = 'consumer-';
/** The end of the name of a file that was not completely written. */
const UNFINISHED = '.tmp';
const MAX_BYTES = 4096;

export class EventConsumers {
  readonly #dir: string;
  readonly #acknowledged = new Map<string, number>();
  readonly #iterators = new Set<{ next: number }>();

  /** Reads the consumers' files. @throws {OutliveError} `ERR_INVALID_STATE` if one is broken; a system error. */
  constructor(dir: string) {
    this.#dir = dir;
    for (const name of fs.readdirSync(dir)) {
      if (!name.startsWith(PREFIX) || name.endsWith(UNFINISHED)) continue;
      const path = join(dir, name);
      const { acknowledged } = parseJsonObject(readText(path, MAX_BYTES), path);
      if (!isSequence(acknowledged)) throw new OutliveError('ERR_INVALID_STATE', `${path}: has no sequence`);
      this.#acknowledged.set(name.slice(PREFIX.length), acknowledged);
    }
  }

  /** The last sequence that each consumer has acknowledged. */
  all(): ReadonlyMap<string, number> {
    return new Map(this.#acknowledged);
  }

  /** The last sequence that a consumer has acknowledged; undefined if there is no such consumer. */
  position(name: string): number | undefined {
    return this.#acknowledged.get(name);
  }

  /** Writes a sequence to the consumer's file if it is above the last one. Makes the consumer if it is new. */
  acknowledge(name: string, sequence: number): void {
    const known = this.#acknowledged.get(name);
    if (known !== undefined && known >= sequence) return;
    writeFileAtomic(this.#path(name), JSON.stringify({ acknowledged: sequence }) + '\n');
    this.#acknowledged.set(name, sequence);
  }

  /** Removes a consumer. @returns whether there was one. */
  remove(name: string): boolean {
    fs.rmSync(this.#path(name), { force: true });
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
    return (
      [...this.#acknowledged.values()].some((acknowledged) => acknowledged < sequence) ||
      [...this.#iterators].some(({ next }) => next <= sequence)
    );
  }

  #path(name: string): string {
    return join(this.#dir, `${PREFIX}${name}`);
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
