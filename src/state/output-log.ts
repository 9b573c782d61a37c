/**
 * Makes the directory of a process's log before the shim is started, and removes it after a failed start. Does not own
 * what the shim writes there, nor its readers (output/). Behaviour: docs/protocol.md, "The log of a process's output".
 */
import { constants, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OutliveError } from '../base/errors.js';
import { ensureFifo } from '../disk/fifo.js';
import { makeDirectory, removeMade, writeFileOnce } from '../disk/files.js';
import { closeOwned, openOwned } from '../posix/owned.js';
import { checkOwnDirectory, entries } from './root.js';

/** What library and shim put into a log's directory. */
const LOG_FILE = /^(?:key|writer|\d{20}\.(?:idx|raw))$/;

export interface MadeLog {
  /** Removes what was made, and what the shim has written there since. */
  undo(): void;
  /**
   * To be called when the start is over. Closes `writer`, which is open until then: so a program that follows the log before
   * there is a shim sees that one may come.
   */
  release(): void;
}

/**
 * Makes `key` and `writer` in the directory of a log. If that is `log` in the process's directory, it is made too; else it
 * must be there, and empty. After a failure nothing of it is left.
 * @param processDir the path of the process's directory, which holds no process yet.
 * @throws {OutliveError} `ERR_INVALID_STATE` if the caller's directory is not empty, or belongs to or may be written by
 *   another user; a system error.
 */
export function makeLog(dir: string, processDir: string, key: string): MadeLog {
  const isOurs = dir === join(processDir, 'log');
  if (isOurs) {
    // A supervisor that died before it wrote process.json may have left one, in which no shim has written.
    rmSync(dir, { recursive: true, force: true });
    makeDirectory(dir);
  } else {
    checkEmpty(dir);
  }
  const undo = (): void => {
    if (isOurs) {
      removeMade([join(dir, 'key'), join(dir, 'writer')], [dir]);
      return;
    }
    for (const { name } of entries(dir)) if (LOG_FILE.test(name)) rmSync(join(dir, name), { force: true });
  };
  try {
    // The key first, and only one start can make it: from then on the directory is ours.
    if (!writeFileOnce(join(dir, 'key'), key + '\n')) throw notEmpty(dir);
  } catch (error) {
    if (isOurs) undo();
    throw error;
  }
  try {
    const writer = join(dir, 'writer');
    ensureFifo(writer);
    let fd: number | undefined = openOwned(writer, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const release = (): void => {
      if (fd !== undefined) closeOwned(fd);
      fd = undefined;
    };
    return { undo, release };
  } catch (error) {
    undo();
    throw error;
  }
}

function checkEmpty(dir: string): void {
  checkOwnDirectory(dir);
  if (readdirSync(dir).length > 0) throw notEmpty(dir);
}

function notEmpty(dir: string): OutliveError {
  return new OutliveError('ERR_INVALID_STATE', `${dir}: is not empty; a log needs a directory of its own`);
}
