/** Ends what a test left running, whatever state that is in; finds the cgroups that it left. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { OwnCgroupMounts, cgroupDirectories } from '../../src/kernel/cgroup.js';
import { freezerFiles, saysFrozen } from '../../src/kernel/freezer.js';
import { allPids, isGone, processesOf, readIfThere } from './proc.js';
import { until } from './until.js';

/** How long a process may take to leave by itself, in milliseconds: a shim is about to when delete() is over. */
const LEAVE_LIMIT_MS = 15_000;

/**
 * Kills all processes that bear one of these texts in their command line, directory, environment or cgroup, and do not leave by
 * themselves; waits until they are gone. A stopped process takes SIGKILL; one in a frozen cgroup v1 only after the thaw.
 * @returns what they were.
 */
export async function endRemains(texts: readonly string[]): Promise<string[]> {
  const ended: string[] = [];
  const leaveMs = performance.now() + LEAVE_LIMIT_MS;
  await until(
    () => `the end of what was left behind: ${ended.join(', ')}`,
    () => {
      const left = texts.flatMap(find);
      const late = performance.now() > leaveMs ? left : [];
      for (const { pid, what } of late) {
        if (!ended.includes(what)) ended.push(what);
        kill(pid);
      }
      return left.length === 0;
    },
  );
  return ended;
}

function find(text: string): { pid: number; what: string }[] {
  const inCgroup = allPids()
    .filter((pid) => pid !== process.pid && readIfThere(`/proc/${pid}/cgroup`).includes(text) && !isGone(pid))
    .map((pid) => ({ pid, what: readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' ') }));
  return [...processesOf(text), ...inCgroup];
}

/**
 * The cgroups that a runtime has made for containers with these ids, in each hierarchy, and that are still there.
 * @param sinceMs not those that are older, by the wall clock: a test of another day may have had the same pid and left them.
 */
export function leftCgroups(ids: readonly string[], sinceMs = 0): string[] {
  if (ids.length === 0) return [];
  const isTheirs = (name: string): boolean => ids.some((id) => name === id || name.startsWith(`outlive-${id}-`));
  const parents = cgroupDirectories('x', readIfThere('/proc/self/mountinfo'), readIfThere('/proc/self/cgroup'))
    .map((directory) => dirname(directory))
    .filter((directory) => existsSync(directory));
  return [...new Set(parents)].flatMap((parent) =>
    readdirSync(parent)
      .filter(isTheirs)
      .map((name) => join(parent, name))
      .filter((path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1) >= sinceMs),
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
    thaw(pid);
  } catch (error) {
    // It has just ended.
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}

function thaw(pid: number): void {
  const cgroups = readIfThere(`/proc/${pid}/cgroup`);
  for (const file of freezerFiles(cgroups, new OwnCgroupMounts('freezer').get())) {
    if (!saysFrozen(readIfThere(file))) continue;
    if (file.endsWith('freezer.state')) writeFileSync(file, 'THAWED');
    else writeFileSync(file.replace(/events$/, 'freeze'), '0');
  }
}
