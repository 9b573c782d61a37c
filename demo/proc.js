/** What the kernel says of a process: proc(5), /proc/<pid>/stat. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * @typedef {object} ProcessInfo
 * @property {string} name
 * @property {number} parent
 * @property {string} startTime clock ticks from boot; pid and start time together are one process
 */

/**
 * @param {number} pid
 * @returns {ProcessInfo | undefined} undefined when there is none, or it has ended and only waits to be reaped.
 */
export function look(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { name, parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** Whether the process is gone, or goes within five seconds: nobody tells who is not its parent. */
export function isGone(/** @type {number} */ pid) {
  return comesTrue(() => look(pid) === undefined);
}

/**
 * The pid of the shim that has adopted the process. It does so when the runtime, which made the process, has ended; that
 * may be a moment after the start.
 */
export async function adoptedBy(/** @type {number} */ pid) {
  const isAdopted = () => look(look(pid)?.parent ?? 0)?.name === 'outlive-shim';
  return (await comesTrue(isAdopted)) ? look(pid)?.parent : undefined;
}

/** @param {() => boolean} fact */
async function comesTrue(fact, limitMs = 5000) {
  const deadline = Date.now() + limitMs;
  while (!fact()) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}
