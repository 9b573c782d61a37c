/**
 * The records of a log's index: decodes them from bytes, and finds out which are whole. Reads no file; index-file.ts does.
 * Behaviour: docs/protocol.md, "The log of a process's output".
 */

export const RECORD_BYTES = 32;

const CHECKED_BYTES = 28;
const KIND = { stdout: 1, stderr: 2, resize: 3, end: 4 } as const;

export type StreamName = 'stdout' | 'stderr';

/** From this position on the bytes are of this stream, and were read at this time. */
export interface DataRecord {
  readonly kind: StreamName;
  readonly position: number;
  readonly timeMs: number;
}

/** The terminal has this size from here on, or the process has ended. It has no bytes. */
export interface MarkRecord {
  readonly kind: 'resize' | 'end';
  readonly position: number;
  readonly timeMs: number;
  /** Of `resize`: columns in the low 16 bits, rows in the high ones. Of `end`: the exit status. */
  readonly value: number;
}

export type IndexRecord = DataRecord | MarkRecord;

export function isData(record: IndexRecord): record is DataRecord {
  return record.kind === 'stdout' || record.kind === 'stderr';
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli) of a part of `bytes`. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff;
  for (let i = start; i < end; i++) crc = (crcTable[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The time of the record at `at`, in milliseconds since 1970, which may be wrong if the record is. */
export function timeOf(bytes: Buffer, at: number): number {
  return (bytes.readInt32LE(at + 12) * 2 ** 32 + bytes.readUInt32LE(at + 8)) / 1000;
}

/** Whether the record at `at` says that it is the end record. It may be wrong. */
export function looksLikeEnd(bytes: Buffer, at: number): boolean {
  return bytes[at + 16] === KIND.end;
}

/**
 * The record at `at`. undefined if its checksum is wrong, its kind is not known, or its position is above 2^53 - 1; the
 * caller compares the position with that of the record before.
 */
export function decodeRecord(bytes: Buffer, at: number): IndexRecord | undefined {
  if (crc32c(bytes, at, at + CHECKED_BYTES) !== bytes.readUInt32LE(at + CHECKED_BYTES)) return undefined;
  const position = bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  if (!Number.isSafeInteger(position)) return undefined;
  const timeMs = timeOf(bytes, at);
  const value = bytes.readUInt32LE(at + 20);
  switch (bytes[at + 16]) {
    case KIND.stdout:
      return { kind: 'stdout', position, timeMs };
    case KIND.stderr:
      return { kind: 'stderr', position, timeMs };
    case KIND.resize:
      return { kind: 'resize', position, timeMs, value };
    case KIND.end:
      return { kind: 'end', position, timeMs, value };
    default:
      return undefined;
  }
}
