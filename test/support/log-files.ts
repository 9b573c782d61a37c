/**
 * Reads a log of a process's output by the words of docs/protocol.md alone, so that the shim's bytes are judged by
 * another program than src/output.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface LogRecord {
  position: number;
  timeUs: number;
  /** 1 stdout, 2 stderr, 3 resize, 4 end. */
  kind: number;
  value: number;
}

export interface LogSegment {
  start: number;
  records: LogRecord[];
  raw: Buffer;
  /** Of both files. */
  size: number;
}

/** CRC-32C, one bit at a time. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function parseRecord(bytes: Buffer): LogRecord {
  if (bytes.readUInt32LE(28) !== crc32c(bytes.subarray(0, 28))) throw new Error(`checksum: ${bytes.toString('hex')}`);
  if (bytes.readUIntLE(17, 3) !== 0 || bytes.readUInt32LE(24) !== 0) throw new Error(`not 0: ${bytes.toString('hex')}`);
  const [position, timeUs] = [Number(bytes.readBigUInt64LE(0)), Number(bytes.readBigInt64LE(8))];
  return { position, timeUs, kind: bytes.readUInt8(16), value: bytes.readUInt32LE(20) };
}

function readIfLeft(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0); // removed meanwhile
  }
}

/** All segments, in order. Throws if anything in them is not as docs/protocol.md has it. */
export function readSegments(dir: string): LogSegment[] {
  const names = readdirSync(dir).filter((name) => /^\d{20}\.raw$/.test(name));
  return names.sort().map((name) => {
    // In this order: each byte that is there by now has its record in an index that is read later.
    const raw = readIfLeft(join(dir, name));
    const idx = readIfLeft(join(dir, name.replace('.raw', '.idx')));
    if (idx.length % 32 !== 0) throw new Error(`${name}: an index of ${idx.length} bytes`);
    const records = Array.from({ length: idx.length / 32 }, (_, i) => parseRecord(idx.subarray(i * 32, i * 32 + 32)));
    const segment = { start: Number(name.slice(0, 20)), records, raw, size: raw.length + idx.length };
    checkOrder(segment);
    return segment;
  });
}

function checkOrder({ start, records, raw }: LogSegment): void {
  let last = start;
  for (const { position, kind, value } of records) {
    if (position < last) throw new Error(`${start}: a record at ${position} after one at ${last}`);
    if (kind < 3 && value !== 0) throw new Error(`${start}: a value in a record of kind ${kind}`);
    last = position;
  }
  if (records.length > 0 && records[0]?.position !== start) throw new Error(`${start}: no record at its beginning`);
  const first = records.find(({ kind }) => kind < 3)?.position;
  if (raw.length > 0 && records.length > 0 && first !== start) throw new Error(`${start}: bytes without a stream`);
}

/** What the log says: the bytes of each stream, and the number of bytes that are in no segment. */
export interface LogContent {
  stdout: string;
  stderr: string;
  /** Bytes and streams in the order in which they were read. */
  chunks: { kind: number; timeUs: number; text: string }[];
  /** Bytes before the first segment, and between segments. */
  gaps: number[];
  /** Columns and rows. */
  sizes: [number, number][];
  /** The status in the end record. */
  end: number | undefined;
  /** Bytes of all streams, lost ones too. */
  position: number;
}

export function readLogFiles(dir: string): LogContent {
  const content: LogContent = { stdout: '', stderr: '', chunks: [], gaps: [], sizes: [], end: undefined, position: 0 };
  for (const { start, records, raw } of readSegments(dir)) {
    if (start < content.position) throw new Error(`${start}: overlaps the segment before it`);
    if (start > content.position) content.gaps.push(start - content.position);
    content.position = start + raw.length;
    const streams = records.filter(({ kind }) => kind < 3);
    streams.forEach(({ position, timeUs, kind }, i) => {
      const text = raw
        .subarray(position - start, (streams[i + 1]?.position ?? content.position) - start)
        .toString('latin1');
      if (text === '') return;
      content.chunks.push({ kind, timeUs, text });
      content[kind === 1 ? 'stdout' : 'stderr'] += text;
    });
    for (const { kind, value } of records) {
      if (kind === 3) content.sizes.push([value & 0xffff, value >>> 16]);
      if (kind === 4) content.end = value;
    }
  }
  return content;
}
