/**
 * Reaps a shim that this program adopted. A shim is nobody's child from its start, so it goes to the nearest subreaper or
 * to pid 1; if that is this program, only it can reap the shim. What it started itself, posix.spawn() reaps.
 */
import { hasCode, isShortage } from '../base/errors.js';
import { type Identity, readProcStat } from '../kernel/identity.js';
import * as posix from '../posix/index.js';
import { closeOwned, pidfdOpenOwned } from '../posix/owned.js';

/** Whether a shim may be a child of this program, though it is born an orphan: then its identity is needed at its end. */
export function mayAdopt(): boolean {
  return process.pid === 1 || posix.getChildSubreaper();
}

/** The delay, in milliseconds, before it is tried again if that failed for lack of descriptors or memory. */
const RETRY_MS = 100;

/** Reaps this shim when it has ended, if it is a child of this program. Does not keep the event loop alive. */
export function reapIfAdopted(shim: Identity | undefined): void {
  if (shim === undefined) return;
  try {
    reapOurs(shim);
  } catch (error) {
    if (!isShortage(error)) throw error;
    setTimeout(() => reapIfAdopted(shim), RETRY_MS).unref();
  }
}

function reapOurs(shim: Identity): void {
  if (!isOurChild(shim)) return;
  let pidfd: number;
  try {
    pidfd = pidfdOpenOwned(shim.pid);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return;
    throw error;
  }
  let isOurs = false;
  try {
    // Asked again after the open: if it has its pid still, then it had it at the open too.
    isOurs = isOurChild(shim);
  } finally {
    if (!isOurs) closeOwned(pidfd);
  }
  if (isOurs) reap(pidfd);
}

function reap(pidfd: number): void {
  try {
    if (posix.waitPidfd(pidfd) === null) {
      posix.watchReadable(pidfd, () => reap(pidfd)).unref();
      return;
    }
  } catch (error) {
    // Reaped by somebody else.
    if (!hasCode(error, 'ECHILD')) throw error;
  }
  closeOwned(pidfd);
}

function isOurChild({ pid, startTimeTicks }: Identity): boolean {
  const stat = readProcStat(pid);
  return stat?.startTimeTicks === startTimeTicks && stat.parentPid === process.pid;
}
