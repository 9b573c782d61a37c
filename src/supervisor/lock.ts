/**
 * One supervisor a state root: an exclusive flock(2) on a file in it. The kernel gives the lock back when its holder ends,
 * however it ends, and it holds across pid and network namespaces. The file stays; it names the last holder.
 */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { OutliveError, hasCode } from '../base/errors.js';
import { readText } from '../disk/files.js';
import { identify, isRunning } from '../kernel/identity.js';
import * as posix from '../posix/index.js';

/** How long the lock of a holder that is dead is waited for, in milliseconds, and how often it is tried. */
const DEAD_HOLDER_MS = 5000;
const RETRY_MS = 10;

export class EventLogLock {
  readonly #fd: number;

  /** @throws {OutliveError} `ERR_INVALID_STATE` when another supervisor, of this process or another, has it. */
  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      posix.flock(this.#fd, 'exclusive');
      const { pid, startTimeTicks, bootId } = identify(process.pid) ?? {
        pid: process.pid,
        startTimeTicks: 0,
        bootId: '',
      };
      ftruncateSync(this.#fd, 0);
      writeSync(this.#fd, `${pid} ${startTimeTicks} ${bootId}\n`, 0);
    } catch (cause) {
      closeSync(this.#fd);
      if (!hasCode(cause, 'EAGAIN')) throw cause;
      const [holder = ''] = holderOf(path);
      throw new OutliveError('ERR_INVALID_STATE', `${path}: the supervisor with pid ${holder} is on this state root`, {
        cause,
      });
    }
  }

  /**
   * Takes it. A supervisor that was killed in the middle of a spawn leaves a child that has the lock too, until it has
   * called execve(2): so a dead holder's lock is waited for, and only that.
   * @throws as the constructor.
   */
  static async take(path: string): Promise<EventLogLock> {
    const deadlineMs = performance.now() + DEAD_HOLDER_MS;
    for (;;) {
      try {
        return new EventLogLock(path);
      } catch (error) {
        if (!hasCode(error, 'ERR_INVALID_STATE') || holderRuns(path) || performance.now() > deadlineMs) throw error;
      }
      await delay(RETRY_MS);
    }
  }

  release(): void {
    closeSync(this.#fd);
  }
}

function holderOf(path: string): string[] {
  return readText(path, 128, 'truncate').trim().split(' ');
}

function holderRuns(path: string): boolean {
  const [pid, startTimeTicks, bootId = ''] = holderOf(path);
  return isRunning({ pid: Number(pid), startTimeTicks: Number(startTimeTicks), bootId });
}
