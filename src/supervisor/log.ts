/**
 * A log of events on disk: JSON lines in segment files, with consecutive sequences. Owns the files and decides when to
 * remove a segment. Does not know what an event means. Only one process may write: see lock.ts.
 *
 *   <directory>/<first sequence, 16 digits>.jsonl   a snapshot, see next-segment.ts; then one line per event
 *
 * The snapshot is the caller's state before the segment's first event, so that opening reads only the newest segment.
 * Behaviour: containerd 0.2's events.log, docs/events.md.
 */
import * as fs from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OutliveError } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { Waiters } from '../base/promises.js';
import { Pieces, inTurns, ownTurn } from '../base/turns.js';
import { type LogState, NEXT_SEGMENT_SUFFIX, NextSegment, type SnapshotParts, writeLine } from './next-segment.js';

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
 * How many times as large as its snapshot a segment becomes at least. So at most a sixteenth of what is written is
 * snapshots, however many containers they list, and an event costs the same with few and with many.
 */
const SNAPSHOT_SHARE = 16;

/** How many segments are removed in one turn of the event loop. */
const MAX_REMOVED = 8;

const SEGMENT_NAME = /^(\d{16})\.jsonl$/;

export class EventLog<P, E extends object> {
  readonly #dir: string;
  readonly #retention: Retention;
  readonly #segments: Segment[] = [];
  readonly #isHeld: (sequence: number) => boolean;
  readonly #state: LogState<P, E>;
  /** The segment whose snapshot is being written. */
  #next: NextSegment<P> | undefined;
  #problem: Error | undefined;
  #fd = -1;
  /** The sizes in bytes of the newest segment and of its snapshot. */
  #size = 0;
  #headSize = 0;
  /** The size in bytes of all other segments. */
  #olderBytes = 0;
  #isRetiring = false;
  #last = 0;
  #lastLoggedAtMs = 0;
  readonly #followers = new Waiters<undefined>();
  #closed = false;

  /**
   * @param isHeld returns whether a reader still needs the event with this sequence, the last one of a segment.
   * @param state what results from all events that append() has returned.
   */
  constructor(dir: string, retention: Retention, isHeld: (sequence: number) => boolean, state: LogState<P, E>) {
    this.#dir = dir;
    this.#retention = retention;
    this.#isHeld = isHeld;
    this.#state = state;
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

  /** Why the next segment could not be begun at the last try; the newest one grows instead. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** Resolves at the next event, or when the log is closed. Rejects with the signal's reason if that aborts first. */
  async nextChange(signal: AbortSignal | undefined): Promise<void> {
    await this.#followers.wait(signal);
  }

  /**
   * Opens the log, and removes an incomplete last line. Replays the newest segment: its snapshot, unless the log is new,
   * and then its events. That may be many; so it takes several turns of the event loop.
   * @param to is given the snapshot in pieces. In them a later part replaces an earlier one of the same name.
   * @throws {OutliveError} `ERR_INVALID_STATE` if the segment is broken in another way; a system error; what `to` throws.
   *   Then nothing is left open.
   */
  async open(to: { snapshot: (parts: SnapshotParts<P>) => void; event: (event: E & Numbered) => void }): Promise<void> {
    await inTurns((await readdir(this.#dir)).sort(), (name) => this.#find(name));
    const newest = this.#segments.at(-1);
    if (newest === undefined) return;
    this.#olderBytes -= newest.bytes;
    this.#last = newest.first - 1;
    const bytes = await readFile(newest.path);
    const pieces = new Pieces();
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, this.#size)) {
      await pieces.next();
      const line = parseJsonObject(bytes.toString('utf8', this.#size, end), newest.path);
      this.#size = end + 1;
      if (this.#headSize === 0) {
        to.snapshot(line.snapshot as SnapshotParts<P>);
        if (line.first === undefined) continue;
        if (line.first !== newest.first) throw broken(newest, `its first event is not ${newest.first}`);
        this.#headSize = this.#size;
      } else {
        if (line.sequence !== this.#last + 1) throw broken(newest, `event ${this.#last + 1} is missing`);
        if (!Number.isSafeInteger(line.loggedAtMs)) throw broken(newest, `event ${this.#last + 1} has no time`);
        this.#last++;
        this.#lastLoggedAtMs = Number(line.loggedAtMs);
        to.event(line as E & Numbered);
      }
    }
    if (this.#headSize === 0) throw broken(newest, 'has no head line');
    // Bytes after the last newline are an incomplete line.
    fs.truncateSync(newest.path, this.#size);
    this.#fd = fs.openSync(newest.path, 'a', 0o600);
  }

  /** Adds a segment, or removes what is left of one that was not begun. */
  #find(name: string): void {
    const path = join(this.#dir, name);
    const match = SEGMENT_NAME.exec(name);
    if (match !== null) {
      const { size: bytes } = fs.statSync(path);
      this.#segments.push({ first: Number(match[1]), path, bytes });
      this.#olderBytes += bytes;
    } else if (name.endsWith(NEXT_SEGMENT_SUFFIX)) fs.rmSync(path, { force: true });
  }

  /**
   * Writes an event, whole or not at all. There is no fsync(2): the event survives the end of this process, but not a
   * crash of the machine.
   * @throws a system error (ENOSPC …); {OutliveError} `ERR_INVALID_STATE` if the log is closed: another program may write
   *   it by now. Then the event was not written.
   */
  append(event: E): E & Numbered {
    if (this.#closed) throw new OutliveError('ERR_INVALID_STATE', `${this.#dir}: this event log is closed`);
    if (this.#fd < 0) this.#begin(this.#newSegment([]));
    else if (this.#isFull() && this.#next === undefined) void this.#beginNext();
    const loggedAtMs = Math.max(Date.now(), this.#lastLoggedAtMs);
    const logged = { sequence: this.#last + 1, loggedAtMs, ...event };
    this.#size += writeLine(this.#fd, this.#size, logged);
    this.#last++;
    this.#lastLoggedAtMs = loggedAtMs;
    this.#next?.changed(this.#state.partOf(event));
    this.#followers.resolve(undefined);
    return logged;
  }

  /** Whether the next segment should begin. */
  #isFull(): boolean {
    return this.#size >= Math.max(this.#retention.segmentBytes, SNAPSHOT_SHARE * this.#headSize);
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
    for (let removed = 0; removed < MAX_REMOVED; removed++) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || this.#closed || this.#isHeld(next.first - 1)) return;
      const { mtimeMs } = fs.statSync(oldest.path);
      const isSmall = this.#olderBytes + this.#size <= this.#retention.maxBytes;
      if (isSmall && Date.now() - mtimeMs <= this.#retention.maxAgeMs) return;
      fs.rmSync(oldest.path);
      this.#segments.shift();
      this.#olderBytes -= oldest.bytes;
    }
    void this.#retireLater();
  }

  /** There may be more: see MAX_REMOVED. */
  async #retireLater(): Promise<void> {
    if (this.#isRetiring) return;
    this.#isRetiring = true;
    await ownTurn();
    this.#isRetiring = false;
    try {
      this.retire();
    } catch {
      // Ignore: the next caller of retire() gets the error.
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#next?.abandon();
    this.#next = undefined;
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
    this.#followers.resolve(undefined);
  }

  #newSegment(names: Iterable<string>): NextSegment<P> {
    return new NextSegment(join(this.#dir, `next${NEXT_SEGMENT_SUFFIX}`), names, (name) => this.#state.part(name));
  }

  /** Writes the snapshot of the next segment, a piece in each turn of the event loop, and begins it. At once if it is small. */
  async #beginNext(): Promise<void> {
    try {
      const next = (this.#next = this.#newSegment(this.#state.partNames()));
      while (!next.isShort) {
        next.writePiece();
        await ownTurn();
        if (this.#next !== next) return;
      }
      this.#begin(next);
      this.retire();
      this.#problem = undefined;
    } catch (error) {
      this.#next?.abandon();
      this.#problem = error as Error;
    }
    this.#next = undefined;
  }

  /** From now on, events are written to `next`. @throws a system error; then they are not, and nothing is left of it. */
  #begin(next: NextSegment<P>): void {
    const first = this.#last + 1;
    const path = join(this.#dir, `${String(first).padStart(16, '0')}.jsonl`);
    let begun: { fd: number; size: number };
    try {
      begun = next.complete(first, path);
    } catch (error) {
      next.abandon();
      throw error;
    }
    const before = this.#segments.at(-1);
    if (before !== undefined) {
      fs.closeSync(this.#fd);
      before.bytes = this.#size;
      this.#olderBytes += this.#size;
    }
    this.#fd = begun.fd;
    this.#size = this.#headSize = begun.size;
    this.#segments.push({ first, path, bytes: begun.size });
  }
}

function broken({ path }: Segment, reason: string): OutliveError {
  return new OutliveError('ERR_INVALID_STATE', `${path}: ${reason}`);
}
