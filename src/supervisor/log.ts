/**
 * A log of events on disk: JSON lines in segment files, with consecutive sequences. Owns the files and decides when to
 * remove a segment. Does not know what an event means. Only one process may write: see lock.ts.
 *
 *   <directory>/<first sequence, 16 digits>.jsonl   first line: {"first", "snapshot"}; then one line per event
 *
 * The snapshot is the caller's state before the segment's first event, so that opening reads only the newest segment.
 * Behaviour: containerd 0.2's events.log, docs/events.md.
 */
import * as fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OutliveError } from '../base/errors.js';
import { makeDirectory } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import { Waiters } from '../base/promises.js';

/** The members that the log adds to each event. */
export interface Numbered {
  /** The event's number: 1, 2, 3 … */
  readonly sequence: number;
  /** When the event was written, in milliseconds since 1970; never less than that of the event before. */
  readonly loggedAtMs: number;
}

/** When the log removes a segment, and when it begins one. */
export interface Retention {
  /** The size of the log, in bytes, above which the oldest segments are removed. */
  readonly maxBytes: number;
  /** The age of a segment's newest event, in milliseconds, above which the segment is removed. */
  readonly maxAgeMs: number;
  /** The size of a segment, in bytes, from which on the next one is begun. */
  readonly segmentBytes: number;
}

interface Segment {
  readonly first: number;
  readonly path: string;
  /** Its size in bytes, when it is complete. The newest one still grows: see `#size`. */
  bytes: number;
}

/**
 * How many times as large as its first line, with the snapshot, a segment becomes at least. So at most a sixteenth of what
 * is written is snapshots, however many containers they list, and an event costs the same with few and with many.
 */
const SNAPSHOT_SHARE = 16;

/** How long open() works in one turn of the event loop, in milliseconds; the snapshot may take a little longer. */
const TURN_MS = 5;

const SEGMENT_NAME = /^(\d{16})\.jsonl$/;

export class EventLog<S, E extends object> {
  readonly #dir: string;
  readonly #retention: Retention;
  readonly #segments: Segment[] = [];
  readonly #isHeld: (sequence: number) => boolean;
  #fd = -1;
  /** The sizes in bytes of the newest segment and of its first line. */
  #size = 0;
  #headSize = 0;
  #last = 0;
  #lastLoggedAtMs = 0;
  readonly #followers = new Waiters<undefined>();
  #closed = false;

  /** `isHeld` returns whether a reader still needs the event with this sequence, the last one of a segment. */
  constructor(dir: string, retention: Retention, isHeld: (sequence: number) => boolean) {
    this.#dir = dir;
    this.#retention = retention;
    this.#isHeld = isHeld;
  }

  /** The oldest sequence in the log; `last` + 1 if it contains none. */
  get oldest(): number {
    return this.#segments[0]?.first ?? 1;
  }

  /** The newest sequence; 0 if no event was ever written. */
  get last(): number {
    return this.#last;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves at the next event, or when the log is closed. Rejects with the signal's reason if that aborts first. */
  async nextChange(signal: AbortSignal | undefined): Promise<void> {
    await this.#followers.wait(signal);
  }

  /**
   * Opens the log, and removes an incomplete last line. Replays the newest segment: its snapshot, unless the log is new,
   * and then its events. That may be many; so it takes several turns of the event loop.
   * @throws {OutliveError} `ERR_INVALID_STATE` if the segment is broken in another way; a system error; what `to` throws.
   *   Then nothing is left open.
   */
  async open(to: { snapshot: (snapshot: S) => void; event: (event: E & Numbered) => void }): Promise<void> {
    for (const name of fs.readdirSync(this.#dir).sort()) {
      const match = SEGMENT_NAME.exec(name);
      if (match !== null) {
        const path = join(this.#dir, name);
        this.#segments.push({ first: Number(match[1]), path, bytes: fs.statSync(path).size });
      } else if (name.endsWith('.new')) fs.rmSync(join(this.#dir, name), { force: true });
    }
    const newest = this.#segments.at(-1);
    if (newest === undefined) return;
    this.#last = newest.first - 1;
    const bytes = await readFile(newest.path);
    let turnEndsMs = performance.now() + TURN_MS;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, this.#size)) {
      const line = parseJsonObject(bytes.toString('utf8', this.#size, end), newest.path);
      this.#size = end + 1;
      if (this.#headSize === 0) {
        if (line.first !== newest.first) throw broken(newest, 'has no head line');
        this.#headSize = this.#size;
        to.snapshot(line.snapshot as S);
      } else {
        if (line.sequence !== this.#last + 1) throw broken(newest, `event ${this.#last + 1} is missing`);
        if (!Number.isSafeInteger(line.loggedAtMs)) throw broken(newest, `event ${this.#last + 1} has no time`);
        this.#last++;
        this.#lastLoggedAtMs = Number(line.loggedAtMs);
        to.event(line as E & Numbered);
      }
      if (performance.now() < turnEndsMs) continue;
      await nextTurn();
      turnEndsMs = performance.now() + TURN_MS;
    }
    if (this.#headSize === 0) throw broken(newest, 'has no head line');
    // Bytes after the last newline are an incomplete line.
    fs.truncateSync(newest.path, this.#size);
    this.#fd = fs.openSync(newest.path, 'a', 0o600);
  }

  /**
   * Writes an event, whole or not at all. There is no fsync(2): the event survives the end of this process, but not a
   * crash of the machine.
   * @param snapshot returns the state before this event; called if a new segment is begun.
   * @throws a system error (ENOSPC …); {OutliveError} `ERR_INVALID_STATE` if the log is closed: another program may write
   *   it by now. Then the event was not written.
   */
  append(event: E, snapshot: () => S): E & Numbered {
    if (this.#closed) throw new OutliveError('ERR_INVALID_STATE', `${this.#dir}: this event log is closed`);
    if (this.#isFull()) this.#beginSegment(snapshot());
    const loggedAtMs = Math.max(Date.now(), this.#lastLoggedAtMs);
    const logged = { sequence: this.#last + 1, loggedAtMs, ...event };
    this.#size += this.#write(this.#fd, this.#size, logged);
    this.#last++;
    this.#lastLoggedAtMs = loggedAtMs;
    this.#followers.resolve(undefined);
    return logged;
  }

  /** Whether the next event begins a segment. */
  #isFull(): boolean {
    return this.#fd < 0 || this.#size >= Math.max(this.#retention.segmentBytes, SNAPSHOT_SHARE * this.#headSize);
  }

  /** The path of the segment with this event; undefined if the event is not kept any more. */
  segmentOf(sequence: number): string | undefined {
    return this.#segments.findLast(({ first }) => first <= sequence)?.path;
  }

  /** The number of bytes of a segment that are final: a failed write can't remove them any more. */
  committedBytes(path: string): number {
    return path === this.#segments.at(-1)?.path ? this.#size : fs.statSync(path).size;
  }

  /** Removes the oldest segments that are above the size or age limit, up to the first one that a reader needs. */
  retire(): void {
    let bytes = this.#segments.slice(0, -1).reduce((sum, segment) => sum + segment.bytes, this.#size);
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || this.#isHeld(next.first - 1)) return;
      const { mtimeMs } = fs.statSync(oldest.path);
      if (bytes <= this.#retention.maxBytes && Date.now() - mtimeMs <= this.#retention.maxAgeMs) return;
      fs.rmSync(oldest.path);
      this.#segments.shift();
      bytes -= oldest.bytes;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
    this.#followers.resolve(undefined);
  }

  /** Begins a segment. It is renamed to its name only after its first line is written, so every segment has one. */
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
    const before = this.#segments.at(-1);
    if (before !== undefined) before.bytes = this.#size;
    this.#fd = fd;
    this.#size = this.#headSize = size;
    this.#segments.push({ first, path, bytes: size });
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

/** Makes the log's directory with mode 0700 if it is missing. */
export function makeLogDirectory(path: string): void {
  if (!fs.existsSync(path)) makeDirectory(path);
}

function broken({ path }: Segment, reason: string): OutliveError {
  return new OutliveError('ERR_INVALID_STATE', `${path}: ${reason}`);
}
