/** Whether a process is paused: looked up synchronously and without the runtime. Parsing cgroups is freezer.ts's. */
import { existsSync, readFileSync } from 'node:fs';
import { hasCode } from '../base/errors.js';
import { readText } from '../disk/files.js';
import type { CgroupMount } from '../kernel/cgroup.js';
import { freezerFiles, freezerMounts, saysFrozen } from '../kernel/freezer.js';

const MAX_STATE_BYTES = 16 * 1024 * 1024;

/** Read once: hierarchies are mounted when the machine starts. */
let mounts: readonly CgroupMount[] | undefined;

/**
 * Whether the process that has this pid now is frozen by its cgroup, or stopped by the host runtime.
 * @param hostState the file in which the host runtime remembers the process's container, if that has it.
 */
export function isPaused(pid: number, hostState: string | undefined): boolean {
  return isFrozen(pid) || (hostState !== undefined && isStoppedByHost(hostState));
}

function isFrozen(pid: number): boolean {
  mounts ??= freezerMounts(read('/proc/self/mountinfo') ?? '');
  if (mounts.length === 0) return false;
  const cgroups = read(`/proc/${pid}/cgroup`);
  if (cgroups === undefined) return false;
  return freezerFiles(cgroups, mounts).some((path) => saysFrozen(read(path) ?? ''));
}

/** Where it can freeze nothing it stops the processes, and remembers which: native/host/state/state.h. */
function isStoppedByHost(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    const state: unknown = JSON.parse(readText(path, MAX_STATE_BYTES));
    return typeof state === 'object' && state !== null && 'stopped' in state;
  } catch {
    // Nothing legible says so.
    return false;
  }
}

/** Undefined when the process or its cgroup is gone, may not be looked at, or (a root cgroup) can't be frozen. */
function read(path: string): string | undefined {
  // An error costs some ten times as much as this look.
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'ENODEV', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
