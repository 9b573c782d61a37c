/**
 * Reads an event log from a sequence on, and follows it. Old and new events are both read from the files. So no event
 * can be lost or repeated between them, and nothing is buffered in memory for a slow reader.
 * Does not write; log.ts does. Behaviour: docs/events.md.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import type { EventLog, Numbered } from './log.js';
import { OutliveError } from '../base/errors.js';
import { SNAPSHOT_END } from './next-segment.js';

const CHUNK_BYTES = 64 * 1024;

export interface ReadOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called before each event with its sequence: the reader does not need earlier events any more. */
  readonly onPosition: (next: number) => void;
}

/**
 * Yields the events from `from` on. Ends after the newest event, or with `follow` when the log is closed.
 * @param from a sequence that the log still has, or a future one.
 */
export async function* readEvents<P, E extends object>(
  log: EventLog<P, E>,
  from: number,
  { follow, signal, onPosition }: ReadOptions,
): AsyncGenerator<E & Numbered, undefined> {
  let next = from;
  /** Waits until the event `next` is written. Returns false without `follow`, or if the log is closed. */
  const isThere = async (): Promise<boolean> => {
    while (next > log.last) {
      if (!follow || log.closed) return false;
      await log.nextChange(signal);
    }
    return true;
  };
  signal?.throwIfAborted();
  while (await isThere()) {
    const path = log.segmentOf(next) ?? '';
    const hasMore = async (): Promise<boolean> => (await isThere()) && log.segmentOf(next) === path;
    for await (const line of linesOf(path, () => log.committedBytes(path), hasMore)) {
      signal?.throwIfAborted();
      const event = JSON.parse(line) as E & Numbered;
      if (event.sequence !== next) continue; // an event before `from`
      onPosition(next);
      yield event;
      next++;
    }
    onPosition(next);
  }
  return undefined;
}

/**
 * Yields the events' lines of a segment up to its committed size: all but the snapshot. At its end, `hasMore` waits for
 * more or returns false.
 */
async function* linesOf(
  path: string,
  committedBytes: () => number,
  hasMore: () => Promise<boolean>,
): AsyncGenerator<string> {
  // Not by fs.promises.open(): if a worker is terminated meanwhile, Node leaves what that has opened.
  const fd = fs.openSync(path, 'r');
  try {
    let isSnapshot = true;
    let position = 0;
    /** The beginning of a line whose end is not read yet. */
    let begun: Buffer[] = [];
    do {
      const bytes = await readAt(fd, position, Math.min(CHUNK_BYTES, committedBytes() - position));
      position += bytes.length;
      let start = 0;
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
        const line = [...begun, bytes.subarray(start, end)];
        if (!isSnapshot) yield Buffer.concat(line).toString('utf8');
        else if (Buffer.concat(line, SNAPSHOT_END.length).toString('latin1') === SNAPSHOT_END) isSnapshot = false;
        begun = [];
        start = end + 1;
      }
      begun.push(bytes.subarray(start));
    } while (position < committedBytes() || (await hasMore()));
  } finally {
    fs.closeSync(fd);
  }
}

const read = promisify(fs.read);

async function readAt(fd: number, position: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0);
  const { bytesRead, buffer } = await read(fd, Buffer.allocUnsafe(length), 0, length, position);
  if (bytesRead === 0) throw new OutliveError('ERR_INVALID_STATE', 'the event log is shorter than what was written');
  return buffer.subarray(0, bytesRead);
}
