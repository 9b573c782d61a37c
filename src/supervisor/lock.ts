/**
 * The lock of a state root, so that only one supervisor uses it: an exclusive flock(2) on a file in the root. The
 * kernel releases it when its holder ends, also if it is killed. It works across pid and network namespaces. The file
 * remains and contains the identity of the last holder. Behaviour: flock(2), docs/events.md.
 */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { OutliveError, hasCode } from '../base/errors.js';
import { readText } from '../disk/files.js';
import { identify, isRunning } from '../kernel/identity.js';
import * as posix from '../posix/index.js';

/** How long to wait for the lock of a dead holder, in milliseconds. */
const DEAD_HOLDER_MS = 5000;
/** The delay between two attempts, in milliseconds. */
const RETRY_MS = 10;

export class EventLogLock {
  readonly #fd: number;

  /** Takes the lock. @throws {OutliveError} `ERR_INVALID_STATE` if any other supervisor has it; a system error. */
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
      throw new OutliveError('ERR_INVALID_STATE', `${path}: the supervisor with pid ${holder} uses this state root`, {
        cause,
      });
    }
  }

  /**
   * Takes the lock; if its holder is dead, waits for it.
   *
   * Race: this call against a child of a killed supervisor. If the supervisor was killed during a spawn, the child has
   * the lock's descriptor until it calls execve(2). If we failed at once, we would refuse a free state root. Waiting is
   * safe, as the dead holder can't use the root. A live holder's lock is not waited for.
   * @throws as the constructor; also if a dead holder's lock is not free after 5 seconds.
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
    // The close alone is not enough: a child that is being spawned has a copy of the descriptor until its execve(2).
    posix.flock(this.#fd, 'unlock');
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
