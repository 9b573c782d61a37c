/**
 * The next segment of an event log while its snapshot is written: in pieces, each in a turn of the event loop of its own,
 * since there may be thousands of containers. Events are written to the segment before meanwhile. log.ts decides when.
 *
 *   {"snapshot": [[name, part], …]}            any number of such lines
 *   {"first": sequence, "snapshot": […]}       the last one; the events follow
 *
 * Race: an event changes a part that is written already. So that part is written again later, and what is written last
 * counts; null stands for a part that is gone.
 */
import * as fs from 'node:fs';

/** How many parts are written in one turn. */
const PIECE_PARTS = 64;

/** The end of the name of a segment that was not begun. */
export const NEXT_SEGMENT_SUFFIX = '.new';

/** How the last line of a snapshot begins. */
export const SNAPSHOT_END = '{"first":';

export type SnapshotParts<P> = [name: string, part: P | null][];

/** The state that results from the events of a log, in named parts. */
export interface LogState<P, E> {
  /** The names of all parts. */
  partNames(): Iterable<string>;
  /** The part as JSON writes it; undefined if there is none of this name. */
  part(name: string): P | undefined;
  /** The name of the part that an event changes. */
  partOf(event: E): string;
}

export class NextSegment<P> {
  readonly #path: string;
  readonly #waiting: Set<string>;
  readonly #part: (name: string) => P | undefined;
  /** -1 after complete() or abandon(). */
  #fd: number;
  #size = 0;

  /** Makes the file. @param names of the parts of the snapshot. @throws a system error. */
  constructor(path: string, names: Iterable<string>, part: (name: string) => P | undefined) {
    this.#path = path;
    this.#waiting = new Set(names);
    this.#part = part;
    this.#fd = fs.openSync(path, 'ax', 0o600);
  }

  /** Whether what is left is short enough for complete(). */
  get isShort(): boolean {
    return this.#waiting.size <= PIECE_PARTS;
  }

  /** Tells that a part has changed or is gone. */
  changed(name: string): void {
    this.#waiting.add(name);
  }

  /** Writes some parts. @throws a system error. */
  writePiece(): void {
    this.#size += writeLine(this.#fd, this.#size, { snapshot: this.#take() });
  }

  /**
   * Writes the last line, and gives the segment its name: so every segment has a whole snapshot.
   * @param first the sequence of the segment's first event, which is the next one that is written.
   * @returns the open file and its size in bytes.
   * @throws a system error.
   */
  complete(first: number, path: string): { fd: number; size: number } {
    const size = this.#size + writeLine(this.#fd, this.#size, { first, snapshot: this.#take() });
    fs.renameSync(this.#path, path);
    const fd = this.#fd;
    this.#fd = -1;
    return { fd, size };
  }

  /** Removes the file, unless it is complete. */
  abandon(): void {
    if (this.#fd < 0) return;
    fs.closeSync(this.#fd);
    this.#fd = -1;
    fs.rmSync(this.#path, { force: true });
  }

  #take(): SnapshotParts<P> {
    const parts: SnapshotParts<P> = [];
    for (const name of this.#waiting) {
      if (parts.length === PIECE_PARTS) break;
      this.#waiting.delete(name);
      parts.push([name, this.#part(name) ?? null]);
    }
    return parts;
  }
}

/** Writes a line of JSON at the end of a file, whole or not at all. @returns its size in bytes. @throws a system error. */
export function writeLine(fd: number, fileBytes: number, value: object): number {
  const line = Buffer.from(JSON.stringify(value) + '\n');
  try {
    let written = 0;
    while (written < line.length) written += fs.writeSync(fd, line, written);
    return line.length;
  } catch (error) {
    fs.ftruncateSync(fd, fileBytes);
    throw error;
  }
}
