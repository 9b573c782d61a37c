/**
 * Where the kernel says whether a process is frozen, and how. Pure: takes the text of /proc files.
 * @see cgroups(7); the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst
 */
import { join } from 'node:path';
import { type CgroupMount, cgroupPath, parseCgroupMounts } from './cgroup.js';

/** The hierarchies in a /proc/<pid>/mountinfo that can freeze. */
export function freezerMounts(mountinfo: string): CgroupMount[] {
  return parseCgroupMounts(mountinfo, 'freezer');
}

/**
 * The file of each hierarchy that says whether a process is frozen.
 * @param cgroups its /proc/<pid>/cgroup.
 */
export function freezerFiles(cgroups: string, mounts: readonly CgroupMount[]): string[] {
  return mounts.flatMap(({ version, mountPoint, root }) => {
    const path = cgroupPath(cgroups, version, 'freezer');
    const inMount = path === undefined ? undefined : below(root, path);
    if (inMount === undefined) return [];
    return [join(mountPoint, inMount, version === 2 ? 'cgroup.events' : 'freezer.state')];
  });
}

/**
 * Whether such a file says frozen, by the cgroup itself or by an ancestor. One in which the last process is still to be
 * stopped (v1: FREEZING) is not.
 */
export function saysFrozen(text: string): boolean {
  return text.trim() === 'FROZEN' || /^frozen 1$/m.test(text);
}

/** What is left of `path` below `root`; undefined when it is elsewhere: above our own cgroup namespace, it begins with `..`. */
function below(root: string, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/' || path === root) return root === '/' ? path : '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
