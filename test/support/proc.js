/**
 * What /proc says of the processes of this machine: their state, children, descriptors and command lines (proc(5)). The
 * tests, chaos/, demo/ and benchmark/ all look here, so that "gone" means the same to each of them. Plain JavaScript,
 * because chaos/ and demo/ run without a build step; it imports nothing of the library that it helps to judge.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/**
 * @typedef {object} ProcessStat
 * @property {string} name
 * @property {string} state the kernel's letter: R, S, D, T, Z …
 * @property {number} parent
 * @property {number} cpuTicks time on a processor, user and system, in clock ticks
 * @property {number} startTimeTicks clock ticks since boot; with the pid it identifies one process
 */

/** The content of a file, or '' if it cannot be read. */
export function readIfThere(/** @type {string} */ path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What a link refers to, or '' if it cannot be read. */
export function targetOf(/** @type {string} */ path) {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/**
 * /proc/<pid>/stat of a process, zombies included.
 * @param {number} pid
 * @returns {ProcessStat | undefined} undefined if there is no such process.
 */
export function statOf(pid) {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === '') return undefined;
  // The name may hold spaces and parentheses: it ends at the last one.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  return {
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    cpuTicks: Number(fields[11]) + Number(fields[12]),
    startTimeTicks: Number(fields[19]),
  };
}

/** Whether the process has ended: there is none with this pid, or only a zombie that its parent has not reaped yet. */
export function isGone(/** @type {number} */ pid) {
  return ['Z', 'X', undefined].includes(statOf(pid)?.state);
}

/** Whether the parent has reaped the process, too: not even a zombie has this pid. */
export function isReaped(/** @type {number} */ pid) {
  return statOf(pid) === undefined;
}

/** The pids of all processes. */
export function allPids() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * Pids of a process's children, zombies included. From each process's parent, not from /proc/<pid>/task/<tid>/children:
 * that list may leave out children while others come and go.
 */
export function childrenOf(pid = process.pid) {
  return allPids().filter((child) => statOf(child)?.parent === pid);
}

/** The command line of a process with its arguments separated by NUL; '' for a zombie. */
export function commandLineOf(/** @type {number} */ pid) {
  return readIfThere(`/proc/${pid}/cmdline`);
}

/** Pids of the processes, this one excepted, whose command line contains the text. */
export function processesWith(/** @type {string} */ text) {
  return allPids().filter((pid) => pid !== process.pid && commandLineOf(pid).includes(text));
}

/**
 * The processes, this one excepted, whose command line, working directory or environment contains the text.
 * @param {string} text
 * @returns {{ pid: number, what: string }[]} `what` is the beginning of the command line.
 */
export function processesOf(text) {
  return allPids()
    .filter((pid) => {
      const dir = `/proc/${pid}`;
      const traces = () => [commandLineOf(pid), targetOf(`${dir}/cwd`), readIfThere(`${dir}/environ`)];
      return pid !== process.pid && traces().some((trace) => trace.includes(text));
    })
    .map((pid) => ({ pid, what: commandLineOf(pid).replaceAll('\0', ' ').slice(0, 120) }))
    .filter(({ pid }) => !isGone(pid));
}

/**
 * What the descriptors of a process refer to, by number. The descriptor that lists them is not among them.
 * @param {number | 'self'} pid
 * @returns {Record<number, string>}
 */
export function descriptorsOf(pid = 'self') {
  const dir = `/proc/${pid}/fd`;
  const entries = readdirSync(dir).map((fd) => /** @type {const} */ ([fd, targetOf(`${dir}/${fd}`)]));
  return Object.fromEntries(entries.filter(([, target]) => target !== '' && !/^\/proc\/\d+\/fd$/.test(target)));
}

/**
 * What this process has open, without inode numbers. Node opens an inotify descriptor at the first fs.watch() and keeps
 * it: it is left out.
 */
export function openDescriptors() {
  return Object.values(descriptorsOf())
    .map((target) => target.replace(/\[\d+\]/, ''))
    .filter((target) => !target.endsWith('inotify'));
}

/**
 * The shim that serves the process whose state directory this is. The shim works in that directory; so does the child
 * that it has just made, until that is another program.
 * @param {string} dir
 * @returns {number | undefined}
 */
export function shimIn(dir) {
  // The kernel adds " (deleted)" to the name of a file that was removed.
  const placeOf = (/** @type {string} */ link) => targetOf(link).replace(/ \(deleted\)$/, '');
  const isShim = (/** @type {number} */ pid) =>
    placeOf(`/proc/${pid}/cwd`) === dir && placeOf(`/proc/${pid}/exe`).endsWith('/outlive-shim');
  const shims = allPids().filter(isShim);
  return shims.find((pid) => !shims.includes(statOf(pid)?.parent ?? 0));
}
