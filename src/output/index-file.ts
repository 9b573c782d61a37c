/**
 * Reads a segment's index from its first record on, block by block: gives each valid record once, in order. Does not know
 * how long the raw file is. Behaviour: docs/protocol.md, "Index records".
 */
import { type IndexRecord, RECORD_BYTES, decodeRecord } from './records.js';
import { readAt } from './segments.js';

const BLOCK_BYTES = 64 * 1024;
/** The same for a file that was written a moment ago: there are few new records. */
const FRESH_BYTES = 4 * 1024;
/** More is not read: a broken file may be sparse, and have any size. */
export const MAX_INDEX_BYTES = 2 ** 30;
const EMPTY = Buffer.alloc(0);

export class IndexFile {
  readonly #fd: number | undefined;
  #block: Buffer = EMPTY;
  /** The offset in the block of the next record. */
  #at = 0;
  #next: IndexRecord | undefined;
  #lastPosition: number;
  /** How many records were taken or skipped. */
  taken = 0;

  /**
   * @param fd is borrowed; undefined if there is no index.
   * @param base the segment's position: no record is lower.
   */
  constructor(fd: number | undefined, base: number) {
    this.#fd = fd;
    this.#lastPosition = base;
  }

  /** The next record among those that were read; undefined if there is none: fill() reads more. */
  peek(): IndexRecord | undefined {
    while (this.#next === undefined && this.#at + RECORD_BYTES <= this.#block.length) {
      const record = decodeRecord(this.#block, this.#at);
      if (record !== undefined && record.position >= this.#lastPosition) this.#next = record;
      else this.#skip();
    }
    return this.#next;
  }

  /** Takes the record that peek() gave. */
  take(): void {
    this.#lastPosition = this.#next?.position ?? this.#lastPosition;
    this.#next = undefined;
    this.#skip();
  }

  #skip(): void {
    this.#at += RECORD_BYTES;
    this.taken++;
  }

  /**
   * Reads records that are there now, when peek() has no more. Returns whether there may be still more after those.
   * @param isFresh the file was written a moment ago.
   */
  async fill(isFresh: boolean): Promise<boolean> {
    const offset = this.taken * RECORD_BYTES;
    if (this.#fd === undefined || offset >= MAX_INDEX_BYTES) return false;
    const length = isFresh ? FRESH_BYTES : BLOCK_BYTES;
    this.#block = await readAt(this.#fd, length, offset, isFresh);
    this.#at = 0;
    return this.#block.length === length;
  }
}
