/**
 * Writes a process's log as docs/protocol.md says, so that the readers are tested without a shim: the format is written down
 * here once more, by itself. Synchronous; who uses it says when what happens. Plain JavaScript, because processes of the tests
 * and benchmark/ run it without a build step; it imports nothing of the library that it helps to judge.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';

export const KIND = /** @type {const} */ ({ stdout: 1, stderr: 2, resize: 3, end: 4 });

export function crc32c(/** @type {Uint8Array} */ bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/**
 * @param {number} kind
 * @param {number | bigint} position
 * @param {number} timeMs
 */
export function record(kind, position, timeMs, value = 0) {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(BigInt(position), 0);
  bytes.writeBigInt64LE(BigInt(Math.round(timeMs * 1000)), 8);
  bytes.writeUInt8(kind, 16);
  bytes.writeUInt32LE(value, 20);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** The name of a segment's file. */
export function fileName(/** @type {number | bigint} */ base, /** @type {'raw' | 'idx'} */ kind) {
  return `${String(base).padStart(20, '0')}.${kind}`;
}

export class LogWriter {
  /** The position of the next byte. */
  position = 0;
  /** The clock, which goes on by 1 ms with each record. */
  timeMs = 1_000_000;
  #dir;
  #segmentBytes;
  #segments;
  /** @type {number[]} */
  #bases = [];
  #raw = -1;
  #idx = -1;
  #stream = '';
  /** @type {number | undefined} */
  #writer;

  /** `segments`: how many are kept. */
  constructor(/** @type {string} */ dir, key = 'the-key', segmentBytes = Infinity, segments = Infinity) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#segments = segments;
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    fs.writeFileSync(join(dir, 'key'), `${key}\n`);
    execFileSync('mkfifo', ['-m', '600', join(dir, 'writer')]);
    this.#writer = fs.openSync(join(dir, 'writer'), fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  }

  /**
   * Writes bytes; without `newRecord`, they belong to the last record if that is of the same stream.
   * @param {'stdout' | 'stderr'} stream
   * @param {string | Buffer} text
   */
  write(stream, text, newRecord = true) {
    const bytes = Buffer.from(text);
    const isFull = this.position + bytes.length - (this.#bases.at(-1) ?? 0) > this.#segmentBytes;
    if (this.#raw < 0 || isFull || newRecord || stream !== this.#stream) {
      const first = record(KIND[stream], this.position, this.timeMs++);
      if (this.#raw < 0 || isFull) this.#begin(first);
      else fs.writeSync(this.#idx, first);
    }
    this.#stream = stream;
    fs.writeSync(this.#raw, bytes);
    this.position += bytes.length;
  }

  resize(/** @type {number} */ columns, /** @type {number} */ rows) {
    this.#mark(record(KIND.resize, this.position, this.timeMs++, columns | (rows << 16)));
  }

  end(/** @type {number} */ status) {
    this.#mark(record(KIND.end, this.position, this.timeMs++, status));
  }

  /** Bytes that could not be written: the next ones begin a segment. */
  drop(/** @type {number} */ bytes) {
    this.position += bytes;
    this.#closeFiles();
  }

  /** Writes the beginning of a record, as a writer that is killed. */
  tear() {
    fs.writeSync(this.#idx, Buffer.alloc(17, 1));
  }

  removeOldest() {
    const base = this.#bases.shift();
    if (base === undefined) return;
    for (const kind of /** @type {const} */ (['raw', 'idx'])) {
      fs.truncateSync(join(this.#dir, fileName(base, kind)), 0);
      fs.unlinkSync(join(this.#dir, fileName(base, kind)));
    }
  }

  /** The writer goes: after an end record it has left, without one it was killed. */
  close() {
    this.#closeFiles();
    if (this.#writer !== undefined) fs.closeSync(this.#writer);
    this.#writer = undefined;
  }

  #mark(/** @type {Buffer} */ bytes) {
    if (this.#raw < 0) this.#begin(bytes);
    else {
      fs.writeSync(this.#idx, bytes);
      fs.futimesSync(this.#raw, new Date(), new Date());
    }
  }

  #begin(/** @type {Buffer} */ first) {
    this.#closeFiles();
    this.#idx = fs.openSync(join(this.#dir, fileName(this.position, 'idx')), 'ax', 0o600);
    fs.writeSync(this.#idx, first);
    this.#raw = fs.openSync(join(this.#dir, fileName(this.position, 'raw')), 'ax', 0o600);
    this.#bases.push(this.position);
    while (this.#bases.length > this.#segments) this.removeOldest();
  }

  #closeFiles() {
    if (this.#raw >= 0) for (const fd of [this.#raw, this.#idx]) fs.closeSync(fd);
    this.#raw = this.#idx = -1;
    this.#stream = '';
  }
}
