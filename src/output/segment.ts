/**
 * Reads one segment of a log, whose files it holds open: gives its bytes, cut at the records of its index, and the resize
 * and end records in between. It can be asked again, when more was written. reader.ts goes from segment to segment.
 * Behaviour: docs/protocol.md, "Reading".
 */
import * as fs from 'node:fs';
import { IndexFile } from './index-file.js';
import { type DataRecord, type MarkRecord, type StreamName, isData } from './records.js';
import { RawFile } from './raw-file.js';
import { type LogDirectory, SMALL_BYTES } from './segments.js';

/** The most parts that are given at once. */
const BATCH = 256;

/** Bytes of one record, or a resize or end record; and the place after it. */
export type Part = Place & ({ readonly of: DataRecord; readonly data: Buffer } | { readonly of: MarkRecord });

interface Place {
  readonly position: number;
  /** How many records of the index were used. */
  readonly records: number;
}

/** What a look at a segment is to give. */
export interface Look {
  /** Bytes from this position on are not given, nor records after it. */
  readonly limit: number;
  /** Only this stream's bytes. */
  readonly stream: StreamName | undefined;
  /** What there is to see was written a moment ago. */
  readonly isFresh: boolean;
}

export class Segment {
  /** The position of the next byte. */
  position: number;
  readonly #raw: RawFile;
  readonly #idx: number | undefined;
  readonly #index: IndexFile;
  /** Resize and end records were given already, if their number in the index is lower than this. */
  readonly #givenRecords: number;
  /** The record that the next byte belongs to. */
  #current: DataRecord | undefined;

  private constructor(
    dir: LogDirectory,
    readonly base: number,
    raw: number,
    position: number,
    givenRecords: number,
  ) {
    this.#raw = new RawFile(raw, base);
    this.#idx = dir.open(base, 'idx');
    this.#index = new IndexFile(this.#idx, base);
    this.position = position;
    this.#givenRecords = givenRecords;
  }

  /**
   * Opens a segment; undefined if it has no raw file any more. The caller closes it.
   * @param position where to begin.
   * @param givenRecords how many records of its index were used.
   * @throws a system error.
   */
  static open(dir: LogDirectory, base: number, position: number, givenRecords = 0): Segment | undefined {
    const raw = dir.open(base, 'raw');
    if (raw === undefined) return undefined;
    try {
      return new Segment(dir, base, raw, position, givenRecords);
    } catch (error) {
      fs.closeSync(raw);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#idx !== undefined) fs.closeSync(this.#idx);
    await this.#raw.close();
  }

  /** How many records of the index were used. */
  get records(): number {
    return Math.max(this.#index.taken, this.#givenRecords);
  }

  /** Gives what is there now, in batches: what can be given without reading more. */
  async *read({ limit, stream, isFresh }: Look): AsyncGenerator<readonly Part[], void, void> {
    // The size first, and the index then: each byte that the size counts has its record in the index.
    const end = Math.min(this.#raw.end(), limit);
    // If there is much to read, this must not hold up the event loop.
    let isSmall = isFresh && end - this.position <= SMALL_BYTES;
    let isIndexRead = false;
    let parts: Part[] = [];
    for (;;) {
      const next = this.#index.peek();
      if (next === undefined && !isIndexRead) {
        if (parts.length > 0) yield parts;
        parts = [];
        isIndexRead = !(await this.#index.fill(isSmall));
        isSmall &&= isIndexRead;
        continue;
      }
      if (next !== undefined && next.position <= Math.min(this.position, end)) {
        const isGiven = this.#index.taken < this.#givenRecords || next.position < this.position;
        this.#index.take();
        if (isData(next)) this.#current = next;
        else if (!isGiven) parts.push({ of: next, position: this.position, records: this.records });
        continue;
      }
      if (this.position >= end) break;
      const stop = Math.min(end, next?.position ?? end);
      const of = this.#current ?? (await this.#firstData(end));
      if (stream !== undefined && of.kind !== stream) {
        this.position = stop;
        continue;
      }
      const data = this.#raw.take(this.position, stop);
      if (data === undefined || parts.length >= BATCH) {
        if (parts.length > 0) yield parts;
        parts = [];
      }
      if (data !== undefined) {
        this.position += data.length;
        parts.push({ of, data, position: this.position, records: this.records });
      } else if (!(await this.#raw.load(this.position, end, isSmall))) return; // The segment is being removed.
    }
    if (parts.length > 0) yield parts;
  }

  /**
   * What bytes before the first record belong to: the first one that is there. Without any they are taken for stdout, with
   * the time of the last write.
   */
  async #firstData(end: number): Promise<DataRecord> {
    const index = new IndexFile(this.#idx, this.base);
    let hasMore: boolean;
    do {
      hasMore = await index.fill(false);
      for (let next = index.peek(); next !== undefined; next = index.peek()) {
        if (isData(next) && next.position <= end) return (this.#current = next);
        index.take();
      }
    } while (hasMore);
    return (this.#current = { kind: 'stdout', position: this.base, timeMs: this.#raw.mtimeMs() });
  }
}
