/**
 * Identifies a process by pid, start time and boot id as one value, and signals exactly that process.
 * A pid alone is not enough: the kernel reuses it. Does not store identities; state/ does.
 * Behaviour: proc(5), random(4), pidfd_open(2), pidfd_send_signal(2).
 */
import { readFileSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { closeOwned, pidfdOpenOwned } from '../posix/owned.js';
import type { Signal } from '../posix/signals.js';
import { type ProcStat, parseProcStat } from './stat.js';

/** Identifies one process, also after its pid was reused. */
export interface Identity {
  readonly pid: number;
  /** When the process started, in clock ticks since boot: field 22 of `/proc/<pid>/stat`. */
  readonly startTimeTicks: number;
  readonly bootId: string;
}

let bootId: string | undefined;

/** The kernel's id of this boot; see random(4). */
export function currentBootId(): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootId;
}

/** The identity of the process that has this pid now; undefined if there is none. */
export function identify(pid: number): Identity | undefined {
  const stat = readProcStat(pid);
  return stat && { pid, startTimeTicks: stat.startTimeTicks, bootId: currentBootId() };
}

/** Whether this process runs. A zombie does not, unless other threads of it still run. */
export function isRunning(identity: Identity): boolean {
  const stat = identity.bootId === currentBootId() ? readProcStat(identity.pid) : undefined;
  if (stat?.startTimeTicks !== identity.startTimeTicks || stat.state === 'X') return false;
  return stat.state !== 'Z' || hasThreads(identity);
}

/** The state is that of the main thread: the process has ended when its pidfd says so. */
function hasThreads({ pid, startTimeTicks }: Identity): boolean {
  let pidfd: number;
  try {
    pidfd = pidfdOpenOwned(pid);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    throw error;
  }
  try {
    // Asked after the open: if the process has its pid still, then it had it at the open too.
    return readProcStat(pid)?.startTimeTicks === startTimeTicks && !posix.pidfdHasEnded(pidfd);
  } finally {
    closeOwned(pidfd);
  }
}

/**
 * Sends a signal to this process, and never to a later one with the same pid.
 *
 * Race: the process against reuse of its pid. If we checked the identity first, the process could end and its pid be
 * reused before the pidfd is opened, and the signal would reach the new process. This order opens the pidfd first: if
 * the process still has the pid at the check, it had the pid when the pidfd was opened, so the pidfd refers to it.
 * @throws {OutliveError} `ERR_PROCESS_EXITED` if it has ended; a system error of pidfd_send_signal(2) (EPERM, EINVAL).
 */
export function signalProcess(identity: Identity, signal: Signal): void {
  let pidfd: number;
  try {
    pidfd = pidfdOpenOwned(identity.pid);
  } catch (cause) {
    if (hasCode(cause, 'ESRCH')) throw exited(identity, cause);
    throw cause;
  }
  try {
    if (!isRunning(identity)) throw exited(identity);
    posix.pidfdSendSignal(pidfd, signal);
  } catch (cause) {
    if (hasCode(cause, 'ESRCH')) throw exited(identity, cause);
    throw cause;
  } finally {
    closeOwned(pidfd);
  }
}

/** Sends SIGKILL to exactly this process if it runs. Returns whether it ran. @throws a system error of pidfd_send_signal(2). */
export function killIfRunning(identity: Identity): boolean {
  try {
    if (!isRunning(identity)) return false;
    signalProcess(identity, 'SIGKILL');
    return true;
  } catch (error) {
    if (!hasCode(error, 'ERR_PROCESS_EXITED')) throw error;
    return false;
  }
}

function exited(identity: Identity, cause?: unknown): OutliveError {
  return new OutliveError('ERR_PROCESS_EXITED', `process ${identity.pid} has exited`, { cause });
}

/** Reads and parses `/proc/<pid>/stat`; undefined if no process has this pid. */
export function readProcStat(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
