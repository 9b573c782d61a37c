/** Ends what a test left running, whatever state that is in. */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { OwnCgroupMounts } from '../../src/kernel/cgroup.js';
import { freezerFiles, saysFrozen } from '../../src/kernel/freezer.js';
import { allPids, isGone, processesOf, readIfThere } from './proc.js';
import { until } from './until.js';

/**
 * Kills all processes that bear one of these texts in their command line, directory, environment or cgroup, and waits until they
 * are gone. A stopped process takes SIGKILL; one in a frozen cgroup v1 only after the thaw.
 * @returns what they were.
 */
export async function endRemains(texts: readonly string[]): Promise<string[]> {
  const ended: string[] = [];
  await until(
    () => `the end of what was left behind: ${ended.join(', ')}`,
    () => {
      const left = texts.flatMap(find);
      for (const { pid, what } of left) {
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
