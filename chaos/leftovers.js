/** What a round may leave behind: processes, cgroups, mounts, descriptors. Looks only at what bears the round's marker. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

function read(/** @type {string} */ path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function target(/** @type {string} */ path) {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Processes whose arguments, directory or environment name the marker, but for this one. */
export function processesOf(/** @type {string} */ marker) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const dir = `/proc/${pid}`;
      return [read(`${dir}/cmdline`), target(`${dir}/cwd`), read(`${dir}/environ`)].some((text) =>
        text.includes(marker),
      );
    })
    .map((pid) => ({ pid: Number(pid), what: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 120) }))
    .filter(({ pid }) => !isGone(pid));
}

/** Whether there is no such process any more; a zombie that its parent has not reaped yet is gone. */
export function isGone(/** @type {number} */ pid) {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' || /^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1));
}

/** Children of this process, zombies too. */
export function children() {
  return readdirSync('/proc/self/task').flatMap((tid) =>
    read(`/proc/self/task/${tid}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** Open descriptors by what they refer to, without Node's own for fs.watch(), which it keeps. */
export function descriptors() {
  return readdirSync('/proc/self/fd')
    .map((fd) => target(`/proc/self/fd/${fd}`).replace(/\[\d+\]/, ''))
    .filter((to) => to !== '' && !to.endsWith('inotify') && !/^\/proc\/\d+\/fd$/.test(to));
}

export function mountsOf(/** @type {string} */ marker) {
  return read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(marker))
    .map((line) => line.split(' ')[4] ?? '');
}

/** Cgroups with the marker in their name, at most a few levels down. */
export function cgroupsOf(/** @type {string} */ marker, dir = '/sys/fs/cgroup', depth = 4) {
  /** @type {string[]} */
  const found = [];
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return found;
  }
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(dir, entry.name);
    if (entry.name.includes(marker)) found.push(path);
    else if (depth > 1) found.push(...cgroupsOf(marker, path, depth - 1));
  }
  return found;
}
