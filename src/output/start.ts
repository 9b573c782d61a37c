/**
 * Finds the place in a log where a read is to begin: its end, its last bytes or lines, or a time. It reads the index, and for
 * lines the raw files, in blocks, from the end of the log on. Behaviour: docs/output.md, "Where to begin".
 */
import * as fs from 'node:fs';
import { type Place, placeAt } from './cursor.js';
import type { From } from './options.js';
import { type MarkRecord, RECORD_BYTES, type StreamName, decodeRecord, looksLikeEnd, timeOf } from './records.js';
import { type LogDirectory, firstAbove, readAt } from './segments.js';
import { MAX_INDEX_BYTES } from './index-file.js';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where to begin, and the end record if it lies before that place. */
export interface Start {
  readonly place: Place;
  readonly passedEnd: MarkRecord | undefined;
}

/** @throws a system error. */
export async function findStart(
  dir: LogDirectory,
  bases: readonly number[],
  from: From,
  stream: StreamName | undefined,
): Promise<Start> {
  if (from === 'start') return { place: placeAt(0), passedEnd: undefined };
  if (typeof from === 'object' && 'place' in from) return { place: from.place, passedEnd: undefined };
  const position = await findPosition(dir, bases, from, stream);
  return { place: placeAt(position), passedEnd: await findEndBefore(dir, bases, position) };
}

type Search = Exclude<From, 'start' | { place: Place }>;

async function findPosition(
  dir: LogDirectory,
  bases: readonly number[],
  from: Search,
  stream: StreamName | undefined,
): Promise<number> {
  const end = endOf(dir, bases);
  if (from === 'end') return end;
  const oldest = bases[0] ?? 0;
  if ('sinceMs' in from) return (await findTime(dir, bases, from.sinceMs)) ?? end;
  if ('tail' in from) return from.tail === 0 ? end : ((await findTail(dir, bases, from.tail, stream)) ?? oldest);
  return from.lines === 0 ? end : ((await findLines(dir, bases, from.lines, stream)) ?? oldest);
}

/** The position after the last byte that is there now. @throws a system error. */
export function endOf(dir: LogDirectory, bases: readonly number[]): number {
  for (let i = bases.length - 1; i >= 0; i--) {
    const files = Files.open(dir, bases[i] ?? 0);
    if (files === undefined) continue;
    files.close();
    return files.end;
  }
  return bases.at(-1) ?? 0;
}

/** The files of a segment, and how long they are now. */
class Files {
  private constructor(
    readonly base: number,
    readonly raw: number,
    readonly idx: number | undefined,
    /** The position after the last byte. */
    readonly end: number,
    /** How many whole records there are. */
    readonly records: number,
  ) {}

  static open(dir: LogDirectory, base: number): Files | undefined {
    const raw = dir.open(base, 'raw');
    if (raw === undefined) return undefined;
    let idx: number | undefined;
    try {
      const end = Math.min(base + fs.fstatSync(raw).size, Number.MAX_SAFE_INTEGER);
      idx = dir.open(base, 'idx');
      const bytes = idx === undefined ? 0 : Math.min(fs.fstatSync(idx).size, MAX_INDEX_BYTES);
      return new Files(base, raw, idx, end, Math.floor(bytes / RECORD_BYTES));
    } catch (error) {
      fs.closeSync(raw);
      if (idx !== undefined) fs.closeSync(idx);
      throw error;
    }
  }

  close(): void {
    fs.closeSync(this.raw);
    if (this.idx !== undefined) fs.closeSync(this.idx);
  }

  /** The index in blocks of whole records, from the first or from the last one on. */
  async *blocks(order: 'forwards' | 'backwards'): AsyncGenerator<Buffer, void, void> {
    if (this.idx === undefined) return;
    const step = BLOCK_BYTES / RECORD_BYTES;
    for (let done = 0; done < this.records; done += step) {
      const count = Math.min(step, this.records - done);
      const first = order === 'forwards' ? done : this.records - done - count;
      const block = await readAt(this.idx, count * RECORD_BYTES, first * RECORD_BYTES);
      // It was truncated.
      if (block.length < count * RECORD_BYTES) return;
      yield block;
    }
  }
}

/** Bytes of one stream without a gap. */
interface Run {
  readonly files: Files;
  readonly stream: StreamName;
  readonly start: number;
  readonly end: number;
}

/** All bytes of the log, from its end on. If an index is broken, they may be cut in another way than for a reader. */
async function* runsFromEnd(dir: LogDirectory, bases: readonly number[]): AsyncGenerator<Run, void, void> {
  let above = Number.MAX_SAFE_INTEGER;
  for (let i = bases.length - 1; i >= 0; i--) {
    const files = Files.open(dir, bases[i] ?? 0);
    if (files === undefined) continue;
    const { base } = files;
    try {
      let end = Math.min(files.end, above);
      let stream: StreamName = 'stdout';
      for await (const block of files.blocks('backwards')) {
        for (let at = block.length - RECORD_BYTES; at >= 0; at -= RECORD_BYTES) {
          const record = decodeRecord(block, at);
          if (record?.kind !== 'stdout' && record?.kind !== 'stderr') continue;
          if (record.position < base || record.position > end) continue;
          stream = record.kind;
          if (record.position < end) yield { files, stream, start: record.position, end };
          end = record.position;
        }
      }
      if (end > base) yield { files, stream, start: base, end };
    } finally {
      files.close();
    }
    above = base;
  }
}

/** Where the last `bytes` bytes begin; undefined if there are fewer. */
async function findTail(
  dir: LogDirectory,
  bases: readonly number[],
  bytes: number,
  stream: StreamName | undefined,
): Promise<number | undefined> {
  let left = bytes;
  for await (const run of runsFromEnd(dir, bases)) {
    if (stream !== undefined && run.stream !== stream) continue;
    const size = run.end - run.start;
    if (size >= left) return run.end - left;
    left -= size;
  }
  return undefined;
}

/** Where the last `lines` lines begin; undefined if there are fewer. */
async function findLines(
  dir: LogDirectory,
  bases: readonly number[],
  lines: number,
  stream: StreamName | undefined,
): Promise<number | undefined> {
  const window = new Window();
  /** How many newlines are still to be found. The last byte, if it is one, ends the last line. */
  let left = lines;
  let isLast = true;
  for await (const run of runsFromEnd(dir, bases)) {
    if (stream !== undefined && run.stream !== stream) continue;
    for (let end = run.end; end > run.start;) {
      const bytes = await window.before(run, end);
      if (bytes.length === 0) break;
      if (isLast && bytes.at(-1) === NEWLINE) left++;
      isLast = false;
      const start = end - bytes.length;
      for (let i = bytes.lastIndexOf(NEWLINE); i >= 0; i = i === 0 ? -1 : bytes.lastIndexOf(NEWLINE, i - 1)) {
        if (--left === 0) return start + i + 1;
      }
      end = start;
    }
  }
  return undefined;
}

/** Reads raw files backwards, in blocks that many small runs share. */
class Window {
  #files: Files | undefined;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  /** Bytes of the run up to `end`; none if the file was truncated. */
  async before({ files, start }: Run, end: number): Promise<Buffer> {
    if (files !== this.#files || end <= this.#start || end > this.#start + this.#bytes.length) {
      this.#files = files;
      this.#start = Math.max(files.base, end - BLOCK_BYTES);
      this.#bytes = await readAt(files.raw, end - this.#start, this.#start - files.base);
      if (this.#bytes.length < end - this.#start) this.#bytes = this.#bytes.subarray(0, 0);
    }
    if (this.#bytes.length === 0) return this.#bytes;
    return this.#bytes.subarray(Math.max(0, start - this.#start), end - this.#start);
  }
}

/** The position of the first record with this time or a later one. */
async function findTime(dir: LogDirectory, bases: readonly number[], sinceMs: number): Promise<number | undefined> {
  for (const base of bases) {
    const files = Files.open(dir, base);
    if (files === undefined) continue;
    try {
      let hasRecord = false;
      for await (const block of files.blocks('forwards')) {
        for (let at = 0; at < block.length; at += RECORD_BYTES) {
          if (hasRecord && timeOf(block, at) < sinceMs) continue;
          const record = decodeRecord(block, at);
          if (record === undefined || record.position < base || record.position > files.end) continue;
          hasRecord = true;
          if (record.timeMs >= sinceMs) return record.position;
        }
      }
      // As for a reader: bytes without any record have the time of the last write.
      if (!hasRecord && files.end > base && fs.fstatSync(files.raw).mtimeMs >= sinceMs) return base;
    } finally {
      files.close();
    }
  }
  return undefined;
}

/** The end record, if it is at a lower position than this one. */
async function findEndBefore(
  dir: LogDirectory,
  bases: readonly number[],
  position: number,
): Promise<MarkRecord | undefined> {
  for (let i = firstAbove(bases, position) - 1; i >= 0; i--) {
    const files = Files.open(dir, bases[i] ?? 0);
    if (files === undefined) continue;
    try {
      for await (const block of files.blocks('backwards')) {
        for (let at = 0; at < block.length; at += RECORD_BYTES) {
          if (!looksLikeEnd(block, at)) continue;
          const record = decodeRecord(block, at);
          if (record?.kind !== 'end' || record.position < files.base || record.position > files.end) continue;
          if (record.position < position) return record;
        }
      }
    } finally {
      files.close();
    }
  }
  return undefined;
}
