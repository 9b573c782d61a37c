/**
 * Who a process is, and reaching exactly that one: pid, start time and boot id travel as one value, and a signal goes
 * through a pidfd that was opened before the identity was checked, so that it cannot hit a later process with the pid.
 */
import { closeSync, readFileSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { type ProcStat, parseProcStat } from './stat.js';

/** Who a process is: a pid alone may have been given to another one since. */
export interface Identity {
  readonly pid: number;
  /** Clock ticks from boot to its start, `/proc/<pid>/stat` field 22. */
  readonly startTimeTicks: number;
  readonly bootId: string;
}

let bootId: string | undefined;

/** The kernel's id of this boot: random(4). */
export function currentBootId(): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootId;
}

/** The identity of the process that has this pid now; undefined when none has. */
export function identify(pid: number): Identity | undefined {
  const stat = readProcStat(pid);
  return stat && { pid, startTimeTicks: stat.startTimeTicks, bootId: currentBootId() };
}

/** Whether exactly this process exists and has not ended. A zombie has ended. */
export function isRunning(identity: Identity): boolean {
  const stat = identity.bootId === currentBootId() ? readProcStat(identity.pid) : undefined;
  return stat?.startTimeTicks === identity.startTimeTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/**
 * Sends a signal to exactly this process.
 * @throws {OutliveError} `ERR_PROCESS_EXITED` when it has ended; a system error of pidfd_send_signal(2) (EPERM, EINVAL).
 */
export function signalProcess(identity: Identity, signal: NodeJS.Signals | number): void {
  let pidfd: number;
  try {
    pidfd = posix.pidfdOpen(identity.pid);
  } catch (cause) {
    if (hasCode(cause, 'ESRCH')) throw exited(identity, cause);
    throw cause;
  }
  try {
    // Ours started before the pidfd was opened; if it has the pid still, then it had it at the open too.
    if (!isRunning(identity)) throw exited(identity);
    posix.pidfdSendSignal(pidfd, signal);
  } catch (cause) {
    if (hasCode(cause, 'ESRCH')) throw exited(identity, cause);
    throw cause;
  } finally {
    closeSync(pidfd);
  }
}

function exited(identity: Identity, cause?: unknown): OutliveError {
  return new OutliveError('ERR_PROCESS_EXITED', `process ${identity.pid} has exited`, { cause });
}

/** Undefined when no process has this pid. */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
