/**
 * Reads an event log from a sequence on, and follows it. It reads the files only, also what was written a moment ago, so
 * there is no hand-over from old events to new ones at which one could be lost or doubled, and nothing is buffered for a
 * slow reader.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { EventLog, Numbered } from './log.js';
import { OutliveError } from '../base/errors.js';
import { abortable } from '../base/promises.js';

const CHUNK_BYTES = 64 * 1024;

export interface ReadOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal | undefined;
  /** Told before each event is given: all before it are done with. */
  readonly onPosition: (next: number) => void;
}

/** Events from `from` on, which there must be or come; ends at the newest, or, when it follows, with the log. */
export async function* readEvents<S, E extends object>(
  log: EventLog<S, E>,
  from: number,
  { follow, signal, onPosition }: ReadOptions,
): AsyncGenerator<E & Numbered, undefined> {
  let next = from;
  /** Waits until the event `next` is written; false when that is not to be waited for. */
  const isThere = async (): Promise<boolean> => {
    while (next > log.last) {
      if (!follow || log.closed) return false;
      await (signal === undefined ? log.changed : abortable(log.changed, signal));
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
      if (event.sequence !== next) continue; // the head, and what comes before `from`
      onPosition(next);
      yield event;
      next++;
    }
    onPosition(next);
  }
  return undefined;
}

/** The lines of a segment, as far as it is written and not to be taken back; at the end of it `hasMore` is asked. */
async function* linesOf(
  path: string,
  committedBytes: () => number,
  hasMore: () => Promise<boolean>,
): AsyncGenerator<string> {
  const file = await open(path, 'r');
  try {
    let rest = Buffer.alloc(0);
    let position = 0;
    do {
      const bytes = await readAt(file, position, Math.min(CHUNK_BYTES, committedBytes() - position));
      position += bytes.length;
      rest = Buffer.concat([rest, bytes]);
      let start = 0;
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, start)) {
        yield rest.toString('utf8', start, end);
        start = end + 1;
      }
      rest = rest.subarray(start);
    } while (position < committedBytes() || (await hasMore()));
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0);
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  if (bytesRead === 0) throw new OutliveError('ERR_INVALID_STATE', 'the event log is shorter than what was written');
  return buffer.subarray(0, bytesRead);
}
