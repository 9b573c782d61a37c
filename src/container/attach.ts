/**
 * An attached viewer: a Duplex whose readable side is the output of a process, from its log, and whose writable side is its
 * stdin. Does not read the log's files nor decide what is replayed: output/ does.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { constants } from 'node:os';
import { Duplex, type Writable, finished } from 'node:stream';
import { hasCode } from '../base/errors.js';
import { formatCursor, parseCursor } from '../output/cursor.js';
import type { OutputItem, OutputReadOptions } from '../output/options.js';
import { QueryFilter, screenOf } from '../output/replay.js';
import { systemError } from '../posix/errors.js';

/** The most bytes in which the beginning of the screen is looked for. */
const SCREEN_BYTES = 256 * 1024;

/** How long a write to a stdin that nobody reads waits for the end of the process, in milliseconds. */
const END_GRACE_MS = 1000;

/** Options of `process.attach()`. */
export interface AttachOptions {
  /**
   * What comes before the live output. `'screen'`: what makes the screen as it is now, from the last 256 KiB: from the last
   * clear of the screen, or from the switch to the alternate screen if the program is in it. A number: that many last bytes,
   * as far as they are kept. What a terminal would answer is left out. Default: nothing.
   */
  readonly replay?: 'screen' | number | undefined;
  /** Destroys the stream with an AbortError, as `addAbortSignal()` of node:stream does. Default none. */
  readonly signal?: AbortSignal | undefined;
}

/** @internal What an attachment needs of its process. */
export interface AttachTarget {
  /** The path of its stdin, for errors. */
  readonly stdin: string;
  /** Whether its stdin can be written to. */
  readonly isWritable: boolean;
  readonly hasEnded: () => boolean;
  /** Opens its stdin. */
  readonly openStdin: () => Writable;
  readonly read: (options: OutputReadOptions) => AsyncGenerator<OutputItem, void, void>;
  readonly key: string;
  readonly resize: (columns: number, rows: number) => void;
}

/**
 * A viewer of a process, made by `process.attach()`. Besides the events of a Duplex it emits `gap`, with the number of bytes
 * that are missing at this place, and `resize`, with columns and rows, when the terminal gets another size.
 */
export class Attachment extends Duplex {
  readonly #target: AttachTarget;
  readonly #replay: 'screen' | number;
  #items: AsyncGenerator<OutputItem, void, void> | undefined;
  #isReading = false;
  #stdin: Writable | undefined;
  /** What is held back of the replay; undefined from the first live byte on. */
  #pending: Replay | undefined;

  /** @internal */
  constructor(target: AttachTarget, replay: 'screen' | number) {
    // `writable` is not in the types.
    const options = { allowHalfOpen: false, highWaterMark: 64 * 1024, writable: target.isWritable };
    super(options);
    this.#target = target;
    this.#replay = replay;
  }

  /** As `process.resize()`. */
  resize(columns: number, rows: number): void {
    this.#target.resize(columns, rows);
  }

  /**
   * Finds the place from which on the output is live. Nothing is read or written before: so what a write causes is seen.
   */
  override _construct(callback: (error?: Error | null) => void): void {
    this.#begin().then(
      () => callback(),
      // A process that is removed meanwhile is the end, as it is later on. Who has destroyed it has no listener for errors any more.
      (error: unknown) =>
        callback(this.destroyed || hasCode(error, 'ERR_PROCESS_EXITED') ? undefined : (error as Error)),
    );
  }

  async #begin(): Promise<void> {
    const { read, key } = this.#target;
    let live = 0;
    let isEndGiven = false;
    for await (const { type, cursor } of read({ from: { tail: 1 } })) {
      live = positionOf(cursor, key);
      isEndGiven ||= type === 'end';
    }
    const length = this.#replay === 'screen' ? SCREEN_BYTES : this.#replay;
    const begin = Math.max(0, live - length);
    this.#pending = new Replay(key, live, this.#replay === 'screen', begin > 0);
    this.#items = read({ from: formatCursor(key, -1, 0, begin, isEndGiven), follow: true });
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#readSome();
  }

  async #readSome(): Promise<void> {
    try {
      for (;;) {
        const item = (await this.#items?.next())?.value ?? undefined;
        if (this.destroyed) return;
        const wantsMore = this.#show(item);
        if (item === undefined) return void this.push(null);
        if (!wantsMore) break;
      }
      this.#isReading = false;
    } catch (error) {
      if (this.destroyed) return;
      // It was removed before this viewer has read anything: its end, as in _construct().
      if (hasCode(error, 'ERR_PROCESS_EXITED')) this.push(null);
      else this.destroy(error as Error);
    }
  }

  /** Returns whether the consumer wants more. */
  #show(item: OutputItem | undefined): boolean {
    const { replayed, missing, live } = this.#pending?.take(item) ?? unchanged(item);
    if (this.#pending?.isOver === true) this.#pending = undefined;
    if (missing > 0) this.emit('gap', missing);
    if (item?.type === 'resize') this.emit('resize', item.columns, item.rows);
    const chunks = [replayed, live].filter((chunk) => chunk.length > 0);
    return chunks.map((chunk) => this.push(chunk)).every(Boolean);
  }

  /** Stdin is open only while something is written: else a viewer would keep the process from seeing the end of stdin. */
  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    try {
      const stdin = this.#target.openStdin();
      this.#stdin = stdin;
      finished(stdin, (error) => {
        this.#stdin = undefined;
        if (error === null || error === undefined) callback();
        else void this.#explain(error).then(callback, callback);
      });
      stdin.end(chunk);
    } catch (error) {
      void this.#explain(error as Error).then(callback, callback);
    }
  }

  /**
   * The error of a write that failed; undefined if the process has ended or is about to: then the readable side ends, and an
   * error would lose its last output.
   */
  async #explain(error: Error): Promise<Error | undefined> {
    if (!hasCode(error, 'EPIPE', 'ENXIO', 'ENOENT', 'ERR_PROCESS_EXITED')) return error;
    const deadlineMs = performance.now() + END_GRACE_MS;
    while (!this.#target.hasEnded()) {
      if (performance.now() > deadlineMs) {
        return systemError(-constants.errno.EPIPE, 'write', { path: this.#target.stdin });
      }
      await delay(10);
    }
    return undefined;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stdin?.destroy();
    const closed = this.#items?.return() ?? Promise.resolve();
    closed.then(
      () => callback(error),
      (failure: unknown) => callback(error ?? (failure as Error)),
    );
  }
}

/** What a viewer is shown of an item. */
interface Shown {
  readonly replayed: Buffer;
  /** How many live bytes are missing. */
  readonly missing: number;
  readonly live: Buffer;
}

const NOTHING = Buffer.alloc(0);

function unchanged(item: OutputItem | undefined): Shown {
  return {
    replayed: NOTHING,
    missing: item?.type === 'gap' ? item.bytes : 0,
    live: item?.type === 'data' ? item.data : NOTHING,
  };
}

function positionOf(cursor: string, key: string): number {
  return parseCursor('cursor', cursor, key).position;
}

/** The output before the live one: without what a terminal answers, and for a screen only what makes it. */
class Replay {
  readonly #key: string;
  readonly #live: number;
  readonly #isScreen: boolean;
  readonly #isCut: boolean;
  readonly #filter = new QueryFilter();
  readonly #screen: Buffer[] = [];

  /** Whether all that comes now is live. */
  isOver = false;

  /**
   * @param key the process's.
   * @param live the position of the first live byte.
   * @param isCut whether there was output before the first byte that comes.
   */
  constructor(key: string, live: number, isScreen: boolean, isCut: boolean) {
    this.#key = key;
    this.#live = live;
    this.#isScreen = isScreen;
    this.#isCut = isCut;
  }

  /** The next item; undefined if there is no more. */
  take(item: OutputItem | undefined): Shown {
    const position = item === undefined ? this.#live : positionOf(item.cursor, this.#key);
    const liveBytes = Math.max(0, position - this.#live);
    const { live: data, missing } = unchanged(item);
    const old = data.subarray(0, Math.max(0, data.length - liveBytes));
    if (this.#isScreen) this.#screen.push(old);
    const passed = this.#isScreen ? NOTHING : this.#filter.push(old);
    if (position < this.#live) return { replayed: passed, missing: 0, live: NOTHING };
    this.isOver = true;
    const screen = this.#isScreen ? this.#filter.push(screenOf(Buffer.concat(this.#screen), this.#isCut)) : NOTHING;
    const replayed = Buffer.concat([passed, screen, this.#filter.end()]);
    return { replayed, missing: Math.min(missing, liveBytes), live: data.subarray(old.length) };
  }
}
