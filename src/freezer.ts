/**
 * Where the kernel says whether a process is frozen, and how. Pure: takes the text of /proc files.
 * @see cgroups(7); the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst
 */
import { join } from 'node:path';

/** A mounted cgroup hierarchy that can freeze. */
export interface FreezerMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Which of the hierarchy's cgroups is mounted there. */
  readonly root: string;
}

/** The hierarchies in a /proc/<pid>/mountinfo. */
export function freezerMounts(mountinfo: string): FreezerMount[] {
  return mountinfo.split('\n').flatMap((line) => {
    // … root (4th), mount point (5th), options, optional fields, "-", type, source, super options. See proc(5).
    const [mount = '', superBlock = ''] = line.split(' - ', 2);
    const [, , , root, mountPoint] = mount.split(' ');
    const [type, , options = ''] = superBlock.split(' ');
    if (root === undefined || mountPoint === undefined) return [];
    const isFreezer = type === 'cgroup2' || (type === 'cgroup' && options.split(',').includes('freezer'));
    if (!isFreezer) return [];
    return [{ version: type === 'cgroup2' ? 2 : 1, mountPoint: unescape(mountPoint), root: unescape(root) } as const];
  });
}

/**
 * The file of each hierarchy that says whether a process is frozen.
 * @param cgroups its /proc/<pid>/cgroup.
 */
export function freezerFiles(cgroups: string, mounts: readonly FreezerMount[]): string[] {
  return mounts.flatMap(({ version, mountPoint, root }) => {
    const path = cgroupOf(cgroups, version);
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

/** Lines are `<hierarchy>:<controllers>:<path>`; v2's is `0::<path>`. */
function cgroupOf(cgroups: string, version: 1 | 2): string | undefined {
  for (const line of cgroups.split('\n')) {
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const isMeant = version === 2 ? hierarchy === '0' : controllers.split(',').includes('freezer');
    if (isMeant) return path;
  }
  return undefined;
}

/** What is left of `path` below `root`; undefined when it is elsewhere: above our own cgroup namespace, it begins with `..`. */
function below(root: string, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  if (root === '/' || path === root) return root === '/' ? path : '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;
}

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
