/**
 * Finds the files in which the kernel reports whether a process is frozen, and interprets them (cgroup v1 and v2).
 * Pure: takes the text of files in /proc, and reads no file.
 * Behaviour: cgroups(7); the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst.
 */
import { join } from 'node:path';
import { type CgroupMount, cgroupPath } from './cgroup.js';

/**
 * The files that report whether a process is frozen, one for each hierarchy.
 * @param cgroups the text of `/proc/<pid>/cgroup`.
 * @param mounts those of the hierarchies that can freeze processes.
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
 * Whether the text of such a file reports that the cgroup is frozen, by itself or by an ancestor. While the kernel is
 * still stopping its processes (v1: FREEZING), it is not frozen.
 */
export function saysFrozen(text: string): boolean {
  return text.trim() === 'FROZEN' || /^frozen 1$/m.test(text);
}

/**
 * The part of `path` below `root`; undefined if it is not below `root`. The path of a cgroup outside this process's
 * cgroup namespace begins with `/..`.
 */
function below(root: string, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/' || path === root) return root === '/' ? path : '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}
