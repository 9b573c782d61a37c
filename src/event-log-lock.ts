/**
 * One supervisor a state root: an exclusive flock(2) on a file in it. The kernel gives the lock back when its holder ends,
 * however it ends, and it holds across pid and network namespaces. The file stays; it names the last holder, for people.
 */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { OutliveError, hasCode } from './errors.js';
import { readText } from './files.js';
import * as posix from './posix.js';

export class EventLogLock {
  readonly #fd: number;

  /** @throws {OutliveError} `ERR_INVALID_STATE` when another supervisor, of this process or another, has it. */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      posix.flock(this.#fd, 'exclusive');
      ftruncateSync(this.#fd, 0);
      writeSync(this.#fd, `${process.pid}\n`, 0);
    } catch (cause) {
      closeSync(this.#fd);
      if (!hasCode(cause, 'EAGAIN')) throw cause;
      const holder = readText(path, 64, 'truncate').trim();
      throw new OutliveError('ERR_INVALID_STATE', `${path}: the supervisor with pid ${holder} is on this state root`, {
        cause,
      });
    }
  }

  release(): void {
    closeSync(this.#fd);
  }
}
