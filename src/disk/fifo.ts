/**
 * Creates and opens the FIFOs of the state directory and of stdio. An open never blocks, and an existing file is used
 * only if it is a FIFO of this user. Does not own the protocol on a FIFO; state/, shim/ and stdio/ do.
 * Behaviour: fifo(7). A reader that opens a FIFO after its last writer has closed it never gets a hang-up.
 */
import * as fs from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { type FileLook, isFifo, lookAtOpen } from '../posix/looks.js';
import { closeOwned, openOwned } from '../posix/owned.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;

/**
 * Makes a FIFO with mode 0600 whatever the umask is, unless this user has one there already.
 * @returns whether it is new.
 * @throws {OutliveError} `ERR_INVALID_STATE` if there is a file of another kind, a link, or another user's FIFO; a
 *   system error of mkfifo(3) otherwise.
 */
export function ensureFifo(path: string): boolean {
  try {
    posix.mkfifo(path, 0o600);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    checkFifo(path, fs.lstatSync(path));
    return false;
  }
  fs.chmodSync(path, 0o600);
  return true;
}

/**
 * Opens a state FIFO for reading, O_NONBLOCK. The caller closes the descriptor by closeOwned().
 * @throws {OutliveError} `ERR_INVALID_STATE` if it is no FIFO of this user; a system error of open(2).
 */
export function openFifoReader(path: string): number {
  return openFifo(path, O_RDONLY);
}

/**
 * Opens a state FIFO for writing, O_NONBLOCK. The caller closes the descriptor by closeOwned().
 * @throws as {@link openFifoReader}; the system error is ENXIO if no process has the FIFO open for reading.
 */
export function openFifoWriter(path: string): number {
  return openFifo(path, O_WRONLY);
}

function openFifo(path: string, access: number): number {
  const fd = openOwned(path, access | O_NONBLOCK | O_NOFOLLOW);
  try {
    checkFifo(path, lookAtOpen(fd));
    return fd;
  } catch (error) {
    closeOwned(fd);
    throw error;
  }
}

/** @throws {OutliveError} `ERR_INVALID_STATE` if `stat`, which is of `path`, is not of a FIFO of our user. */
export function checkFifo(path: string, stat: Pick<FileLook, 'mode' | 'uid'>): void {
  if (!isFifo(stat)) throw new OutliveError('ERR_INVALID_STATE', `${path}: exists and is not a FIFO`);
  if (stat.uid !== process.geteuid?.()) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: belongs to another user (${stat.uid})`);
  }
}

/**
 * Whether a process has this FIFO open for writing now. `fd` is its read end, O_NONBLOCK. This reads a byte if there is
 * one: use it only on a FIFO to which no bytes are written, as `exit`.
 */
export function hasWriter(fd: number): boolean {
  return posix.tryRead(fd, Buffer.allocUnsafe(1)) !== 0;
}
