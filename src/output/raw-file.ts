/**
 * Reads a segment's raw file, some blocks at a time and as many ahead, and gives slices of the blocks. Does not know of records;
 * segment.ts does.
 */
import * as fs from 'node:fs';
import { readBlocks } from './segments.js';

export class RawFile {
  readonly #fd: number;
  readonly #base: number;
  /** What was read and not given yet, without a gap; the position of the first block's first byte. */
  #blocks: Buffer[] = [];
  #position = 0;
  /** What is being read from a position on, while what was read before is used. */
  #ahead: { readonly position: number; readonly blocks: Promise<Buffer[]> } | undefined;

  /** Takes ownership of a descriptor. */
  constructor(fd: number, base: number) {
    this.#fd = fd;
    this.#base = base;
  }

  /** Closes the file, when it is not being read any more: its number may be another file's then. */
  async close(): Promise<void> {
    await this.#ahead?.blocks.catch(() => undefined);
    fs.closeSync(this.#fd);
  }

  /** The position after the last byte, as the file is now. */
  end(): number {
    return Math.min(this.#base + fs.fstatSync(this.#fd).size, Number.MAX_SAFE_INTEGER);
  }

  mtimeMs(): number {
    return fs.fstatSync(this.#fd).mtimeMs;
  }

  /** The bytes from `position` on, at most up to `stop`, within one block; undefined if load() must read them first. */
  take(position: number, stop: number): Buffer | undefined {
    for (let block = this.#blocks[0]; block !== undefined; block = this.#blocks[0]) {
      const offset = position - this.#position;
      if (offset < 0) return undefined;
      if (offset < block.length) return block.subarray(offset, Math.min(block.length, offset + stop - position));
      this.#blocks.shift();
      this.#position += block.length;
    }
    return undefined;
  }

  /** Reads some bytes from `position` on, at most up to `end`. Returns false if there are none: the file was truncated. */
  async load(position: number, end: number, isFresh: boolean): Promise<boolean> {
    // Bytes that are skipped may have been read ahead.
    if (!(await this.#useAhead(position))) {
      this.#blocks = await this.#read(position, end, isFresh);
      this.#position = position;
    }
    const next = this.#position + sizeOf(this.#blocks);
    if (next <= position) return false;
    if (next < end) this.#ahead = { position: next, blocks: this.#read(next, end, false) };
    // load() or close() sees the error.
    this.#ahead?.blocks.catch(() => undefined);
    return true;
  }

  async #useAhead(position: number): Promise<boolean> {
    const ahead = this.#ahead;
    if (ahead === undefined) return false;
    this.#blocks = await ahead.blocks.finally(() => (this.#ahead = undefined));
    this.#position = ahead.position;
    return position >= ahead.position && position < ahead.position + sizeOf(this.#blocks);
  }

  #read(position: number, end: number, isFresh: boolean): Promise<Buffer[]> {
    return readBlocks(this.#fd, end - position, position - this.#base, isFresh);
  }
}

function sizeOf(blocks: readonly Buffer[]): number {
  return blocks.reduce((sum, { length }) => sum + length, 0);
}
