/**
 * Who still wants which events: named consumers, whose acknowledged position is a file each, and the iterators of this
 * process. A segment with an event that one of them has not had is kept.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { invalidArgValue } from '../base/arg-errors.js';
import { readText, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import { isId } from '../oci/ids.js';

const PREFIX = 'consumer-';
const MAX_BYTES = 4096;

export class EventConsumers {
  readonly #dir: string;
  readonly #acknowledged = new Map<string, number>();
  readonly #iterators = new Set<{ next: number }>();

  /** Reads the positions; @throws {OutliveError} `ERR_INVALID_STATE` when one is broken. */
  constructor(dir: string) {
    this.#dir = dir;
    for (const name of fs.readdirSync(dir)) {
      if (!name.startsWith(PREFIX) || name.endsWith('.tmp')) continue;
      const path = join(dir, name);
      const { acknowledged } = parseJsonObject(readText(path, MAX_BYTES), path);
      this.#acknowledged.set(name.slice(PREFIX.length), Number(acknowledged));
    }
  }

  /** The last sequence each consumer is done with. */
  all(): ReadonlyMap<string, number> {
    return new Map(this.#acknowledged);
  }

  position(name: string): number | undefined {
    return this.#acknowledged.get(name);
  }

  /** Never moves back. */
  acknowledge(name: string, sequence: number): void {
    const known = this.#acknowledged.get(name);
    if (known !== undefined && known >= sequence) return;
    writeFileAtomic(this.#path(name), JSON.stringify({ acknowledged: sequence }) + '\n');
    this.#acknowledged.set(name, sequence);
  }

  remove(name: string): boolean {
    fs.rmSync(this.#path(name), { force: true });
    return this.#acknowledged.delete(name);
  }

  /** An iterator that wants `next` and what follows; its place is moved by its reader. */
  enter(next: number): { next: number } {
    const place = { next };
    this.#iterators.add(place);
    return place;
  }

  leave(place: { next: number }): void {
    this.#iterators.delete(place);
  }

  /** Whether anybody has not had the event with this sequence. */
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

/** @throws {TypeError} `ERR_INVALID_ARG_VALUE`. */
export function checkConsumer(name: unknown): asserts name is string {
  if (typeof name === 'string' && isId(name) && name.length <= 100) return;
  throw invalidArgValue('consumer', name, 'must match [A-Za-z0-9][A-Za-z0-9_.+-]* and have at most 100 characters');
}
