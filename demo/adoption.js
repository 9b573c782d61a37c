/** The parent and the end of processes that are not our children. No event tells of them, so /proc is polled. */
import { setTimeout as delay } from 'node:timers/promises';
import { isGone, statOf } from '../test/support/proc.js';

/** Whether the process is gone, or ends within five seconds. */
export function goesAway(/** @type {number} */ pid) {
  return comesTrue(() => isGone(pid));
}

/**
 * The pid of the shim that has adopted the process. The kernel gives the process to the shim when the runtime, which made
 * it, has ended; that may be a moment after the start.
 */
export async function adoptedBy(/** @type {number} */ pid) {
  const isAdopted = () => statOf(statOf(pid)?.parent ?? 0)?.name === 'outlive-shim';
  return (await comesTrue(isAdopted)) ? statOf(pid)?.parent : undefined;
}

/** @param {() => boolean} fact */
async function comesTrue(fact, limitMs = 5000) {
  const deadline = performance.now() + limitMs;
  while (!fact()) {
    if (performance.now() > deadline) return false;
    await delay(10);
  }
  return true;
}
