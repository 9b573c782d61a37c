/**
 * Finds out whether a process is paused, synchronously and without running the runtime.
 * kernel/freezer.ts finds and parses the cgroup files. Behaviour: cgroups(7); docs/host-runtime.md.
 */
import { existsSync, readFileSync } from 'node:fs';
import { hasCode } from '../base/errors.js';
import { readText } from '../disk/files.js';
import { OwnCgroupMounts } from '../kernel/cgroup.js';
import { freezerFiles, saysFrozen } from '../kernel/freezer.js';

const MAX_STATE_BYTES = 16 * 1024 * 1024;

const freezerMounts = new OwnCgroupMounts('freezer');

/**
 * Whether the process that has this pid now is frozen by its cgroup, or stopped by the host runtime.
 * @param hostState the path of the host runtime's state file of the container; undefined for another runtime.
 */
export function isPaused(pid: number, hostState: string | undefined): boolean {
  return isFrozen(pid) || (hostState !== undefined && isStoppedByHost(hostState));
}

function isFrozen(pid: number): boolean {
  const mounts = freezerMounts.get();
  if (mounts.length === 0) return false;
  const cgroups = read(`/proc/${pid}/cgroup`);
  if (cgroups === undefined) return false;
  return freezerFiles(cgroups, mounts).some((path) => saysFrozen(read(path) ?? ''));
}

/** If the host runtime has no freezer, it stops the processes by signals and records them as `stopped` in this file. */
function isStoppedByHost(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    const state: unknown = JSON.parse(readText(path, MAX_STATE_BYTES));
    return typeof state === 'object' && state !== null && 'stopped' in state;
  } catch {
    // Ignore: an unreadable file does not say that the container is paused.
    return false;
  }
}

/** Undefined if the process or its cgroup is gone or can't be accessed, or if there is no such file (a root cgroup). */
function read(path: string): string | undefined {
  // Making an error costs some ten times as much as this check.
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'ENODEV', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
