/**
 * FIFOs of the state directory and of stdio: creating them without trusting what is already there, and opening them
 * without ever blocking. See fifo(7); trap: a reader that opens after the last writer left never hears a hang-up.
 */
import * as fs from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;

/**
 * Makes a FIFO of mode 0600 whatever the umask, or takes one of ours that is there.
 * @returns whether it is new.
 * @throws {OutliveError} `ERR_INVALID_STATE` when the name is taken by a file, a link, or somebody else's FIFO; a system
 *   error of mkfifo(3) otherwise.
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

/** Opens a state FIFO's read end, O_NONBLOCK; refuses what is no FIFO of ours. The caller closes it. */
export function openFifoReader(path: string): number {
  return openFifo(path, O_RDONLY);
}

/** Opens a state FIFO's write end, O_NONBLOCK; ENXIO when nobody reads. The caller closes it. */
export function openFifoWriter(path: string): number {
  return openFifo(path, O_WRONLY);
}

function openFifo(path: string, access: number): number {
  const fd = posix.open(path, access | O_NONBLOCK | O_NOFOLLOW);
  try {
    checkFifo(path, fs.fstatSync(fd));
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** @throws {OutliveError} `ERR_INVALID_STATE` when `stat`, which is of `path`, is not of a FIFO of our user. */
export function checkFifo(path: string, stat: Pick<fs.StatsBase<number | bigint>, 'isFIFO' | 'uid'>): void {
  if (!stat.isFIFO()) throw new OutliveError('ERR_INVALID_STATE', `${path}: is there already and is no FIFO`);
  if (Number(stat.uid) !== process.geteuid?.()) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: belongs to another user (${stat.uid})`);
  }
}

/**
 * What a FIFO's reader sees without waiting: whether a writer has it open now. Reads nothing away where, as on `exit`,
 * no bytes are ever written.
 */
export function hasWriter(fd: number): boolean {
  return posix.tryRead(fd, Buffer.allocUnsafe(1)) !== 0;
}
