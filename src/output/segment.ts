/**
 * Reads one segment of a log, whose files it holds open: gives its bytes, cut at the records of its index, and the resize
 * and end records in between. It can be asked again, when more was written. reader.ts goes from segment to segment.
 * Behaviour: docs/protocol.md, "Reading".
 */
import * as fs from 'node:fs';
import { IndexFile } from './index-file.js';
import { type DataRecord, type MarkRecord, type StreamName, isData } from './records.js';
import { type LogDirectory, SMALL_BYTES, readAt } from './segments.js';

/** How much of a raw file is read at once, and the most bytes of an item. */
const BLOCK_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/** Bytes of one record, or a resize or end record. */
export type Part = { readonly of: DataRecord; readonly data: Buffer } | { readonly of: MarkRecord };

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
  /** The position of the next byte. It is set by who opens the segment. */
  position: number;
  readonly #raw: number;
  readonly #idx: number | undefined;
  readonly #index: IndexFile;
  /** Resize and end records were given already, if their number in the index is lower than this. */
  readonly #givenRecords: number;
  /** The record that the next byte belongs to. */
  #current: DataRecord | undefined;
  /** What was read of the raw file, and the position of its first byte. */
  #block: Buffer = EMPTY;
  #blockPosition = 0;

  private constructor(
    dir: LogDirectory,
    readonly base: number,
    raw: number,
    position: number,
    givenRecords: number,
  ) {
    this.#raw = raw;
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

  close(): void {
    fs.closeSync(this.#raw);
    if (this.#idx !== undefined) fs.closeSync(this.#idx);
  }

  /** How many records of the index were used. */
  get records(): number {
    return Math.max(this.#index.taken, this.#givenRecords);
  }

  /** The position after its last byte, as the raw file is now. */
  end(): number {
    return Math.min(this.base + fs.fstatSync(this.#raw).size, Number.MAX_SAFE_INTEGER);
  }

  /** Gives what is there now. The position has moved, and the record is used, when a part is given. */
  async *read({ limit, stream, isFresh }: Look): AsyncGenerator<Part, void, void> {
    // The size first, and the index then: each byte that the size counts has its record in the index.
    const end = Math.min(this.end(), limit);
    // If there is much to read, this must not hold up the event loop.
    let isSmall = isFresh && end - this.position <= SMALL_BYTES;
    for (;;) {
      let next = this.#index.peek();
      while (next === undefined && (await this.#index.fill(isSmall))) {
        isSmall = false;
        next = this.#index.peek();
      }
      if (next !== undefined && next.position <= Math.min(this.position, end)) {
        const isGiven = this.#index.taken < this.#givenRecords || next.position < this.position;
        this.#index.take();
        if (isData(next)) this.#current = next;
        else if (!isGiven) yield { of: next };
        continue;
      }
      if (this.position >= end) return;
      const stop = Math.min(end, next?.position ?? end);
      const of = this.#current ?? (await this.#firstData(end));
      if (stream !== undefined && of.kind !== stream) {
        this.position = stop;
        continue;
      }
      const data = await this.#bytes(stop, end, isSmall);
      // The segment is being removed.
      if (data.length === 0) return;
      this.position += data.length;
      yield { of, data };
    }
  }

  /** The bytes from the position on, at most up to `stop`. Reads ahead up to `end`. */
  async #bytes(stop: number, end: number, isFresh: boolean): Promise<Buffer> {
    let offset = this.position - this.#blockPosition;
    if (offset < 0 || offset >= this.#block.length) {
      const length = Math.min(BLOCK_BYTES, end - this.position);
      this.#block = await readAt(this.#raw, length, this.position - this.base, isFresh);
      this.#blockPosition = this.position;
      offset = 0;
    }
    const data = this.#block.subarray(offset, offset + stop - this.position);
    // Else the next bytes of a filtered stream, or a consumer that waits long, would keep it in memory.
    if (this.#blockPosition + this.#block.length <= this.position + data.length) this.#block = EMPTY;
    return data;
  }

  /**
   * What bytes before the first record belong to: the first one that is there. Without any they are taken for stdout, with
   * the time of the last write.
   */
  async #firstData(end: number): Promise<DataRecord> {
    const index = new IndexFile(this.#idx, this.base);
    do {
      for (let next = index.peek(); next !== undefined; next = index.peek()) {
        if (isData(next) && next.position <= end) return (this.#current = next);
        index.take();
      }
    } while (await index.fill(false));
    return (this.#current = { kind: 'stdout', position: this.base, timeMs: fs.fstatSync(this.#raw).mtimeMs });
  }
}
