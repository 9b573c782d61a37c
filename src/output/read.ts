/**
 * Reads a process's output from its log, from any point on, and follows it: what `process.output()` and `readLog()` give.
 * Any number of programs may do so at once. Does not write; the shim does. Behaviour: docs/output.md.
 */
import { checkObject, checkString } from '../base/arg-checks.js';
import { invalidArgType } from '../base/arg-errors.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { absolutePath } from '../disk/working-directory.js';
import { ItemIterator } from './iterator.js';
import { type CheckedOptions, type OutputItem, type OutputReadOptions, checkReadOptions } from './options.js';
import { LogReader } from './reader.js';
import { LogDirectory, readLogKey } from './segments.js';
import { findStart } from './start.js';
import { followerTurns } from './follower-turns.js';
import { LogWatch } from './watch.js';

/** How often to ask whether an end record is still to come. The record itself is reported at once. */
const ENDING_POLL_MS = 250;

/** A log of a process. */
export interface LogSource {
  /** Its directory. */
  dir: string;
  /** The process's key. */
  key: string;
  /**
   * Whether an end record must still come: the process's status is recorded, and its shim has not finished writing. Then a
   * read that does not follow waits for it, too. Default: false.
   */
  isEnding?: () => boolean;
}

/**
 * Gives a process's output, as {@link readLog} does.
 * @throws at the call {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; {RangeError} `ERR_OUT_OF_RANGE`;
 *   {OutliveError} `ERR_WORKING_DIRECTORY`. The iteration rejects with {OutliveError} `ERR_PROCESS_EXITED` if the directory was
 *   removed, or has the log of another process by now; with a system error (EACCES, EIO, EMFILE …); with the signal's reason.
 */
export function readOutput(source: LogSource, options: OutputReadOptions = {}): AsyncGenerator<OutputItem, void, void> {
  checkObject('source', source);
  checkString('source.dir', source.dir);
  checkString('source.key', source.key);
  if (source.isEnding !== undefined && typeof source.isEnding !== 'function') {
    throw invalidArgType('source.isEnding', 'of type function', source.isEnding);
  }
  const checked = checkReadOptions(options, source.key);
  const path = absolutePath(source.dir);
  const isEnding = source.isEnding ?? (() => false);
  return new ItemIterator((stop) => read(path, source.key, isEnding, checked, stop), checked.signal);
}

/**
 * Gives the output of a process from the directory of its log, also if the process and its container are gone: the bytes of
 * both streams in the order in which the shim read them, each byte once, with resizes and the end. It reads no faster than
 * the items are taken. `break` frees all that it has open, and so does `return()`, also during a `next()`.
 * @param dir the log's directory: `log` in the process directory, or the option `log.dir` of the start.
 * @returns an async iterable. It ends after what was there at the call; or with `follow` after the item `end`, or without one
 *   if the shim was killed or the directory removed. What is then known to be missing is a `gap`.
 * @throws at the call {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE`, also for a cursor of another process;
 *   {RangeError} `ERR_OUT_OF_RANGE`; {OutliveError} `ERR_INVALID_STATE` if the directory has no log, or is missing. The iteration
 *   rejects with {OutliveError} `ERR_PROCESS_EXITED` if the directory was removed since, or has the log of another process; with a
 *   system error (EACCES, EIO, EMFILE …); with the signal's reason.
 * @see inotify(7)
 * @example
 * ```ts
 * for await (const item of readLog('/srv/logs/job-1', { from: { lines: 10 }, follow: true })) {
 *   if (item.type === 'data') process.stdout.write(item.data);
 *   if (item.type === 'end') console.log(`ended with ${item.status}`);
 * }
 * ```
 */
export function readLog(dir: string, options: OutputReadOptions = {}): AsyncGenerator<OutputItem, void, void> {
  checkString('dir', dir);
  const path = absolutePath(dir);
  const key = readLogKey(path);
  if (key === undefined) throw new OutliveError('ERR_INVALID_STATE', `${path}: has no log of a process (no key)`);
  return readOutput({ dir: path, key }, options);
}

async function* read(
  path: string,
  key: string,
  isEnding: () => boolean,
  { from, follow, stream }: CheckedOptions,
  stop: AbortSignal,
): AsyncGenerator<readonly OutputItem[], void, void> {
  let watch: LogWatch | undefined;
  let reader: LogReader | undefined;
  try {
    // A thousand at once would hold up the event loop.
    await followerTurns.wait();
    const dir = new LogDirectory(path, key);
    let listed: number | undefined;
    let bases: number[];
    try {
      // Before the first listing, so that no change is missed.
      if (follow) watch = LogWatch.open(path);
      listed = watch?.nameChanges;
      bases = await dir.list();
    } catch (error) {
      throw hasCode(error, 'ENOENT', 'ENOTDIR') ? removed(path, error) : error;
    }
    if (!dir.isCurrent()) throw removed(path);
    const start = await findStart(dir, bases, from, stream);
    reader = new LogReader(dir, bases, start.place, stream);
    if (start.passedEnd !== undefined) yield [reader.mark(start.passedEnd)];
    for (let isFresh = false; ; isFresh = true) {
      stop.throwIfAborted();
      let waits = !reader.isEndGiven && (follow || isEnding());
      try {
        if (waits) watch ??= LogWatch.open(path);
      } catch (error) {
        if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
        // It was removed meanwhile, which the reader finds out.
        waits = false;
        await reader.list();
      }
      // Asked before the look: what the writer has written before it went will be seen.
      const seen = watch?.changes ?? 0;
      const isLast = !waits || watch?.isWriterGone === true;
      if (watch !== undefined && (isLast || listed !== watch.nameChanges)) {
        listed = watch.nameChanges;
        await reader.list();
      }
      const limit = follow ? Number.MAX_SAFE_INTEGER : reader.end();
      const toEnd = follow && waits;
      yield* reader.look({ limit, toEnd, isFresh, stop });
      // Segments may have been removed while the reader was on its way.
      if (!follow)
        while (reader.position < limit && (await reader.list())) yield* reader.look({ limit, toEnd, isFresh, stop });
      if (reader.isGone) watch?.detach();
      if (isLast || reader.isGone || (toEnd && reader.isEndGiven)) break;
      if (reader.isEndGiven) continue;
      const segment = reader.segment;
      if (segment !== undefined) watch?.watchSegment(segment, dir.pathOf(segment, 'raw'));
      await watch?.wait(seen, stop, follow ? undefined : ENDING_POLL_MS);
    }
    if (reader.isGone) yield reader.lost();
  } finally {
    watch?.close();
    await reader?.close();
  }
}

function removed(path: string, cause?: unknown): OutliveError {
  return new OutliveError('ERR_PROCESS_EXITED', `${path}: the process or its log was removed`, { cause });
}
