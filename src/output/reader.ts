/**
 * Reads a log from a place on: goes from segment to segment, counts what is missing in between, and makes the items that
 * callers get. Does not wait for more; read.ts does. Behaviour: docs/protocol.md, "Reading".
 */
import { hasCode } from '../base/errors.js';
import { type Place, formatCursor } from './cursor.js';
import type { OutputItem } from './options.js';
import type { MarkRecord, StreamName } from './records.js';
import { type Part, Segment } from './segment.js';
import { type LogDirectory, firstAbove } from './segments.js';
import { endOf } from './start.js';

export interface LookOptions {
  /** Nothing from this position on is given, but for resize and end records at it. */
  readonly limit: number;
  /** Whether to stop after the end record. */
  readonly toEnd: boolean;
  /** What there is to read was written a moment ago. */
  readonly isFresh: boolean;
  readonly stop: AbortSignal;
}

export class LogReader {
  /** Whether the end record was given. */
  isEndGiven: boolean;
  /** Whether the directory was removed, or is another process's now: there is nothing more to list or to open. */
  isGone = false;
  readonly #dir: LogDirectory;
  readonly #stream: StreamName | undefined;
  /** The segments' names at the last listing, ascending. */
  #bases: readonly number[];
  #segment: Segment | undefined;
  /** The name of the last segment that was opened, or could not be. */
  #last: number;
  #records: number;
  #position: number;

  constructor(dir: LogDirectory, bases: readonly number[], place: Place, stream: StreamName | undefined) {
    this.#dir = dir;
    this.#bases = bases;
    this.#stream = stream;
    this.#position = place.position;
    this.isEndGiven = place.isEndGiven;
    this.#last = place.segment;
    this.#records = place.records;
    this.#openFirst(place);
  }

  async close(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    await segment?.close();
  }

  /** The position of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** The segment that it reads, by the position of its first byte. */
  get segment(): number | undefined {
    return this.#segment?.base;
  }

  /** The position after the last byte that is there now, in the segments that were listed. */
  end(): number {
    return endOf(this.#dir, this.#bases);
  }

  /**
   * Lists the segments again. Returns whether there are later ones than before.
   * @throws a system error, but not that the directory is gone.
   */
  async list(): Promise<boolean> {
    if (this.isGone) return false;
    const before = this.#bases.at(-1);
    try {
      const bases = await this.#dir.list();
      if (this.#dir.isCurrent()) this.#bases = bases;
      else this.isGone = true;
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
      this.isGone = true;
    }
    return this.#bases.at(-1) !== before;
  }

  /** Gives what is there now, in batches. */
  async *look({ limit, toEnd, isFresh, stop }: LookOptions): AsyncGenerator<OutputItem[], void, void> {
    for (;;) {
      const segment = this.#segment;
      if (segment !== undefined) {
        const isComplete = (this.#bases.at(-1) ?? -1) > segment.base;
        for await (const parts of segment.read({ limit, stream: this.#stream, isFresh })) {
          stop.throwIfAborted();
          yield this.#items(parts, toEnd);
          if (toEnd && this.isEndGiven) return;
        }
        this.#position = segment.position;
        this.#records = segment.records;
        if (!isComplete) return;
      }
      stop.throwIfAborted();
      const gap = this.#openNext(limit);
      if (gap === undefined) return;
      if (gap > 0) yield [{ type: 'gap', bytes: gap, cursor: this.#cursor() }];
      if (this.#segment === undefined) return;
    }
  }

  /**
   * What is known to be missing after the directory went away: the bytes up to the last segment that was seen, and could not
   * be opened.
   */
  lost(): OutputItem[] {
    const known = this.#bases.at(-1) ?? 0;
    const bytes = known - this.#position;
    if (bytes <= 0) return [];
    this.#position = known;
    return [{ type: 'gap', bytes, cursor: this.#cursor() }];
  }

  /** The item of a resize or end record. */
  mark({ kind, timeMs, value }: MarkRecord): OutputItem {
    if (kind === 'resize') {
      return { type: 'resize', columns: value & 0xffff, rows: value >>> 16, timeMs, cursor: this.#cursor() };
    }
    this.isEndGiven = true;
    return { type: 'end', status: value & 0xff, timeMs, cursor: this.#cursor() };
  }

  #items(parts: readonly Part[], toEnd: boolean): OutputItem[] {
    const items: OutputItem[] = [];
    for (const part of parts) {
      this.#position = part.position;
      this.#records = part.records;
      if ('data' in part) {
        const { kind: stream, timeMs } = part.of;
        items.push({ type: 'data', stream, data: part.data, timeMs, cursor: this.#cursor() });
      } else if (part.of.kind !== 'end' || !this.isEndGiven) {
        // The end is given once. Segments that are made after it begin with a copy of the record.
        items.push(this.mark(part.of));
        if (toEnd && this.isEndGiven) break;
      }
    }
    return items;
  }

  #cursor(): string {
    return formatCursor(this.#dir.key, this.#last, this.#records, this.#position, this.isEndGiven);
  }

  /** Opens the segment that the place names, or else the one that has the position's byte. */
  #openFirst(place: Place): void {
    const containing = this.#bases[firstAbove(this.#bases, place.position) - 1];
    const isNamed = place.segment <= place.position && this.#has(place.segment);
    const base = isNamed ? place.segment : containing;
    this.#last = -1;
    if (base === undefined) return;
    this.#records = isNamed ? place.records : 0;
    this.#last = base;
    this.#segment = this.#open(base, this.#position, this.#records);
  }

  #has(base: number): boolean {
    return base >= 0 && this.#bases[firstAbove(this.#bases, base) - 1] === base;
  }

  /**
   * Goes on to the next segment that can be opened and does not begin after `limit`. Returns how many bytes are missing
   * before it, or before `limit`; undefined if there is nothing more.
   */
  #openNext(limit: number): number | undefined {
    for (let i = firstAbove(this.#bases, this.#last); i < this.#bases.length && !this.isGone; i++) {
      const base = this.#bases[i] ?? 0;
      if (base > limit) return this.#position < limit ? this.#skipTo(limit) : undefined;
      const next = this.#open(base, Math.max(this.#position, base), 0);
      // Go on also if it was removed, or is no file.
      this.#last = base;
      this.#records = 0;
      if (next === undefined) continue;
      void this.close();
      this.#segment = next;
      return this.#skipTo(next.position);
    }
    return undefined;
  }

  #open(base: number, position: number, givenRecords: number): Segment | undefined {
    const segment = Segment.open(this.#dir, base, position, givenRecords);
    if (segment === undefined) return undefined;
    try {
      if (this.#dir.isCurrent()) return segment;
    } catch (error) {
      void segment.close();
      throw error;
    }
    void segment.close();
    this.isGone = true;
    return undefined;
  }

  #skipTo(position: number): number {
    const bytes = position - this.#position;
    this.#position = position;
    if (this.#segment !== undefined) this.#segment.position = position;
    return bytes;
  }
}
