/**
 * A log of events on disk: JSON lines in segment files, numbered without a gap. Owns the files and their bytes, and when
 * a segment may go; what an event means is its caller's. One writer at a time: see event-log-lock.ts.
 *
 *   <directory>/<first sequence, 16 digits>.jsonl   first line: {"first", "snapshot"}; then a line an event
 *
 * The snapshot is what the caller knew before the segment's first event, so that the last segment alone tells all.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { OutliveError } from '../base/errors.js';
import { makeDirectory } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import { deferred } from '../base/promises.js';

/** An event's place in the log; the rest of a line is the caller's. */
export interface Numbered {
  /** 1, 2, 3 … */
  readonly sequence: number;
  /** When the line was written, in milliseconds since 1970; never less than that of the line before. */
  readonly loggedAtMs: number;
}

export interface Retention {
  /** How large the log may be, in bytes, before the oldest segments go. */
  readonly maxBytes: number;
  /** How old, in milliseconds, the newest event of a segment may be before it goes. */
  readonly maxAgeMs: number;
  /** How large a segment may be, in bytes, before the next one is begun. */
  readonly segmentBytes: number;
}

interface Segment {
  readonly first: number;
  readonly path: string;
}

const SEGMENT_NAME = /^(\d{16})\.jsonl$/;

export class EventLog<S, E extends object> {
  readonly #dir: string;
  readonly #retention: Retention;
  readonly #segments: Segment[] = [];
  readonly #isHeld: (sequence: number) => boolean;
  #fd = -1;
  #size = 0;
  #last = 0;
  #lastLoggedAtMs = 0;
  #changed = deferred<undefined>();
  #closed = false;

  /** `isHeld`: whether anybody still wants the event with this sequence or a later one. */
  constructor(dir: string, retention: Retention, isHeld: (sequence: number) => boolean) {
    this.#dir = dir;
    this.#retention = retention;
    this.#isHeld = isHeld;
  }

  /** The oldest sequence that there is; one more than `last` when there is none. */
  get oldest(): number {
    return this.#segments[0]?.first ?? 1;
  }

  /** The newest sequence; 0 when there never was one. */
  get last(): number {
    return this.#last;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves at the next event, or when the log is closed. */
  get changed(): Promise<undefined> {
    return this.#changed.promise;
  }

  /**
   * Opens the log, and cuts a line off that its writer did not finish.
   * @returns the snapshot of the newest segment (undefined in a new log), and the events since.
   * @throws {OutliveError} `ERR_INVALID_STATE` when it is broken elsewhere; a system error.
   */
  open(): { snapshot: S | undefined; events: (E & Numbered)[] } {
    for (const name of fs.readdirSync(this.#dir).sort()) {
      const match = SEGMENT_NAME.exec(name);
      if (match !== null) this.#segments.push({ first: Number(match[1]), path: join(this.#dir, name) });
      else if (name.endsWith('.new')) fs.rmSync(join(this.#dir, name), { force: true });
    }
    const newest = this.#segments.at(-1);
    if (newest === undefined) return { snapshot: undefined, events: [] };
    const { lines, size } = wholeLines(fs.readFileSync(newest.path));
    const [head, ...rest] = lines.map((line) => parseJsonObject(line, newest.path));
    this.#last = newest.first - 1;
    for (const event of rest) {
      if (event.sequence !== this.#last + 1) {
        throw new OutliveError('ERR_INVALID_STATE', `${newest.path}: event ${this.#last + 1} is missing`);
      }
      this.#last++;
      this.#lastLoggedAtMs = Number(event.loggedAtMs);
    }
    if (head?.first !== newest.first) throw new OutliveError('ERR_INVALID_STATE', `${newest.path}: has no head`);
    this.#fd = fs.openSync(newest.path, 'a', 0o600);
    this.#size = size;
    fs.ftruncateSync(this.#fd, size);
    return { snapshot: head.snapshot as S, events: rest as (E & Numbered)[] };
  }

  /**
   * Writes an event, whole or not at all. It is in the kernel's hands then: it outlives this process, not the machine.
   * @param snapshot what is known before this event; asked for when a segment begins.
   * @throws a system error (ENOSPC …); nothing was written then.
   */
  append(event: E, snapshot: () => S): E & Numbered {
    if (this.#fd < 0 || this.#size >= this.#retention.segmentBytes) this.#beginSegment(snapshot());
    const loggedAtMs = Math.max(Date.now(), this.#lastLoggedAtMs);
    const logged = { sequence: this.#last + 1, loggedAtMs, ...event };
    this.#size += this.#write(this.#fd, this.#size, logged);
    this.#last++;
    this.#lastLoggedAtMs = loggedAtMs;
    const { resolve } = this.#changed;
    this.#changed = deferred();
    resolve(undefined);
    return logged;
  }

  /** The segment that holds an event; undefined when it is kept no more, or is still to come. */
  segmentOf(sequence: number): string | undefined {
    return this.#segments.findLast(({ first }) => first <= sequence)?.path;
  }

  /** How much of a segment is written for good. */
  committedBytes(path: string): number {
    return path === this.#segments.at(-1)?.path ? this.#size : fs.statSync(path).size;
  }

  /** Removes the oldest segments that are too much or too old, as far as nobody wants them. */
  retire(): void {
    let bytes = this.#segments.reduce((sum, { path }) => sum + fs.statSync(path).size, 0);
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || this.#isHeld(next.first - 1)) return;
      const { size, mtimeMs } = fs.statSync(oldest.path);
      if (bytes <= this.#retention.maxBytes && Date.now() - mtimeMs <= this.#retention.maxAgeMs) return;
      fs.rmSync(oldest.path);
      this.#segments.shift();
      bytes -= size;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
    this.#changed.resolve(undefined);
  }

  /** Under a name of its own until its head is in it, so that no segment is without. */
  #beginSegment(snapshot: S): void {
    const first = this.#last + 1;
    const path = join(this.#dir, `${String(first).padStart(16, '0')}.jsonl`);
    const fd = fs.openSync(`${path}.new`, 'ax', 0o600);
    let size: number;
    try {
      size = this.#write(fd, 0, { first, snapshot });
      fs.renameSync(`${path}.new`, path);
    } catch (error) {
      fs.closeSync(fd);
      fs.rmSync(`${path}.new`, { force: true });
      throw error;
    }
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#size = size;
    this.#segments.push({ first, path });
    this.retire();
  }

  #write(fd: number, size: number, value: object): number {
    const line = Buffer.from(JSON.stringify(value) + '\n');
    try {
      let written = 0;
      while (written < line.length) written += fs.writeSync(fd, line, written);
      return line.length;
    } catch (error) {
      fs.ftruncateSync(fd, size);
      throw error;
    }
  }
}

/** Makes the log's directory if it is not there. */
export function makeLogDirectory(path: string): void {
  if (!fs.existsSync(path)) makeDirectory(path);
}

/** What comes after the last newline was not finished. */
function wholeLines(bytes: Buffer): { lines: string[]; size: number } {
  const size = bytes.lastIndexOf(0x0a) + 1;
  const lines = size === 0 ? [] : bytes.toString('utf8', 0, size - 1).split('\n');
  return { lines, size };
}
