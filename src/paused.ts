/** Whether a process is paused: asks the kernel, synchronously and without the runtime. Parsing is freezer.ts's. */
import { hasCode } from './errors.js';
import { readFileSync } from 'node:fs';
import { type FreezerMount, freezerFiles, freezerMounts, saysFrozen } from './freezer.js';

/** Read once: hierarchies are mounted when the machine starts. */
let mounts: readonly FreezerMount[] | undefined;

/** Whether the process that has this pid now is frozen by its cgroup; false for none. */
export function isFrozen(pid: number): boolean {
  mounts ??= freezerMounts(read('/proc/self/mountinfo') ?? '');
  if (mounts.length === 0) return false;
  const cgroups = read(`/proc/${pid}/cgroup`);
  if (cgroups === undefined) return false;
  return freezerFiles(cgroups, mounts).some((path) => saysFrozen(read(path) ?? ''));
}

/** Undefined when the process or its cgroup is gone, may not be looked at, or (a root cgroup) can't be frozen. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'ENODEV', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
