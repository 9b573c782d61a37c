/**
 * Sends lines to a shim through its `control` FIFO. Opened for each line: a process that is never resized costs no
 * descriptor, and an open that finds no reader tells that the shim is gone.
 */
import { closeSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import { openFifoWriter } from '../disk/fifo.js';
import * as posix from '../posix/index.js';
import { deferred, within } from '../base/promises.js';
import type { ProcessDir } from '../state/process.js';

/** Close the process's stdin. */
export const CLOSE_STDIN_LINE = '0 0 0\n';

/** The process has ended and nobody wants its output any more: the shim need not hold it. Other shims ignore it. */
export const RELEASE_LINE = '2 0 0\n';

/** Give the process's terminal this size in character cells, each 1 to 65535. */
export function resizeLine(width: number, height: number): string {
  return `1 ${width} ${height}\n`;
}

/**
 * Writes one line, whole or not at all (it is shorter than PIPE_BUF; pipe(7)).
 * @throws {OutliveError} `ERR_PROCESS_EXITED` when no shim listens; a system error, EAGAIN when the FIFO is full.
 */
export function sendControl(dir: ProcessDir, line: string): void {
  const fd = openControl(dir);
  if (fd === undefined) throw new OutliveError('ERR_PROCESS_EXITED', `${dir.controlFifo}: no shim listens`);
  try {
    posix.write(fd, Buffer.from(line));
  } catch (error) {
    if (error instanceof Error) Object.assign(error, { path: dir.controlFifo });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Tells the shim of an ended process that nobody wants its unread output any more, and waits until it has left.
 * @returns false when it was still there after `limitMs`.
 */
export async function releaseShim(dir: ProcessDir, limitMs: number): Promise<boolean> {
  const fd = openControl(dir);
  if (fd === undefined) return true;
  const gone = deferred<true>();
  // A FIFO's write end is ready when there is room as well as when its last reader left: only the latter counts, and
  // that is an error condition, reported to who asks for nothing else (poll(2), POLLERR).
  const watch = posix.watchReadable(fd, () => gone.resolve(true));
  try {
    writeRelease(fd);
    return (await within(gone.promise, limitMs)) ?? false;
  } finally {
    watch.stop();
    closeSync(fd);
  }
}

/** A shim that is gone needs no line, and one whose FIFO is full may leave without it: the caller waits for the hang-up. */
function writeRelease(fd: number): void {
  try {
    posix.write(fd, Buffer.from(RELEASE_LINE));
  } catch (error) {
    if (!hasCode(error, 'EPIPE', 'EAGAIN')) throw error;
  }
}

/** Whether a shim is there; it holds `control` until it leaves, longer than `exit`. */
export function isShimListening(dir: ProcessDir): boolean {
  const fd = openControl(dir);
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
}

/** The write end; undefined if no shim of this process reads: none is there, or the path is another process's by now. */
function openControl(dir: ProcessDir): number | undefined {
  let fd: number;
  try {
    fd = openFifoWriter(dir.controlFifo);
  } catch (error) {
    if (hasCode(error, 'ENXIO', 'ENOENT')) return undefined;
    throw error;
  }
  let isOurs = false;
  try {
    // After the open: if the path still is this process's, the FIFO that was opened is its own.
    isOurs = dir.isCurrent();
  } finally {
    if (!isOurs) closeSync(fd);
  }
  return isOurs ? fd : undefined;
}
