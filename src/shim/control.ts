/**
 * Sends lines to a shim through its `control` FIFO. The FIFO is opened for each line: so a process costs no descriptor,
 * and an open that finds no reader shows that the shim is gone.
 */
import { OutliveError, hasCode } from '../base/errors.js';
import { openFifoWriter } from '../disk/fifo.js';
import * as posix from '../posix/index.js';
import { closeOwned } from '../posix/owned.js';
import { deferred, within } from '../base/promises.js';
import type { ProcessDir } from '../state/process.js';

/** Close the process's stdin. */
export const CLOSE_STDIN_LINE = '0 0 0\n';

/** Release: no program wants the output of the ended process any more, so the shim may leave. Other shims ignore it. */
export const RELEASE_LINE = '2 0 0\n';

/** Give the process's terminal this size in character cells, each 1 to 65535. */
export function resizeLine(width: number, height: number): string {
  return `1 ${width} ${height}\n`;
}

/**
 * Writes one line, whole or not at all (it is shorter than PIPE_BUF; pipe(7)).
 * @throws {OutliveError} `ERR_PROCESS_EXITED` if no shim of this process reads; a system error: EAGAIN if the FIFO is
 *   full.
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
    closeOwned(fd);
  }
}

/**
 * Writes the release line to the shim of an ended process, and waits until the shim has left.
 * @returns false if it is still there after `limitMs` milliseconds.
 */
export async function releaseShim(dir: ProcessDir, limitMs: number): Promise<boolean> {
  const fd = openControl(dir);
  if (fd === undefined) return true;
  const gone = deferred<true>();
  // Watch for reading, though this is a write end: then a free buffer is not reported, but the error condition after
  // the last reader has left is (poll(2), POLLERR).
  const watch = posix.watchReadable(fd, () => gone.resolve(true));
  try {
    writeRelease(fd);
    return (await within(gone.promise, limitMs)) ?? false;
  } finally {
    watch.stop();
    closeOwned(fd);
  }
}

/** Ignores EPIPE (the shim is gone) and EAGAIN (the FIFO is full): the caller waits until the shim has left. */
function writeRelease(fd: number): void {
  try {
    posix.write(fd, Buffer.from(RELEASE_LINE));
  } catch (error) {
    if (!hasCode(error, 'EPIPE', 'EAGAIN')) throw error;
  }
}

/**
 * Whether a shim or a supervisor that starts one reads `control`. A shim does so until it leaves, longer than it holds
 * `exit`.
 */
export function isShimListening(dir: ProcessDir): boolean {
  const fd = openControl(dir);
  if (fd !== undefined) closeOwned(fd);
  return fd !== undefined;
}

/** The write end; undefined if no shim reads, or if the path is another process's by now. */
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
    // Compare the key after the open: if the path still is this process's, the opened FIFO is its own.
    isOurs = dir.isCurrent();
  } finally {
    if (!isOurs) closeOwned(fd);
  }
  return isOurs ? fd : undefined;
}
