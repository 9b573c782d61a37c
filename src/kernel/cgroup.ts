/** Where a process's cgroups are: parsers of proc(5)'s cgroup and mountinfo files. See cgroups(7). */
import { readFileSync } from 'node:fs';
import { posix as path } from 'node:path';
import { hasCode } from '../base/errors.js';
import { readProcStat } from './identity.js';

/** The cgroup that accounts a process's memory. */
export interface MemoryCgroup {
  readonly version: 1 | 2;
  /** The directory in this process's view of the file system. */
  readonly path: string;
}

/** A process's membership, as the kernel names it: from the root of the hierarchy, which need not be mounted. */
export interface Membership {
  readonly version: 1 | 2;
  readonly path: string;
}

/** A mounted hierarchy. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** The cgroup that is mounted, from the hierarchy's root. */
  readonly root: string;
  readonly mountPoint: string;
}

export type Controller = 'memory' | 'freezer';

/** From `/proc/<pid>/cgroup`: the path in v1's hierarchy with this controller, or in v2's. */
export function cgroupPath(text: string, version: 1 | 2, controller: Controller): string | undefined {
  for (const line of text.split('\n')) {
    // A path may hold colons; what stands before it cannot, but a named hierarchy's `name=`.
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const isMeant =
      version === 1 ? controllers.split(',').includes(controller) : hierarchy === '0' && controllers === '';
    if (isMeant) return path;
  }
  return undefined;
}

/** The v1 hierarchy with the memory controller if there is one, else that of v2. */
export function parseMembership(text: string): Membership | undefined {
  for (const version of [1, 2] as const) {
    const cgroup = cgroupPath(text, version, 'memory');
    if (cgroup !== undefined) return { version, path: cgroup };
  }
  return undefined;
}

/** From `/proc/<pid>/mountinfo`: the mounts of v1's hierarchy with this controller, and those of v2. */
export function parseCgroupMounts(text: string, controller: Controller): CgroupMount[] {
  return text.split('\n').flatMap((line) => {
    const [mount = '', filesystem = ''] = line.split(' - ');
    const [, , , root, mountPoint] = mount.split(' ');
    const [type, , options = ''] = filesystem.split(' ');
    const isV1 = type === 'cgroup' && options.split(',').includes(controller);
    if (root === undefined || mountPoint === undefined || (!isV1 && type !== 'cgroup2')) return [];
    return [{ version: isV1 ? 1 : 2, root: unescaped(root), mountPoint: unescaped(mountPoint) }];
  });
}

/** The directory of a membership under one of the mounts; undefined when none shows it. */
export function locate({ version, path: cgroup }: Membership, mounts: readonly CgroupMount[]): string | undefined {
  for (const mount of mounts) {
    if (mount.version !== version) continue;
    const inside = path.relative(mount.root, cgroup);
    if (inside !== '..' && !inside.startsWith('../')) return path.join(mount.mountPoint, inside);
  }
  return undefined;
}

/** What `/proc/<pid>/cgroup` says of a process; undefined when it is gone or has no memory cgroup. */
export function membershipOf(pid: number | 'self'): Membership | undefined {
  const text = readProc(`/proc/${pid}/cgroup`);
  return text === undefined ? undefined : parseMembership(text);
}

/** The pid of a process's parent; undefined when it is gone. */
export function parentOf(pid: number): number | undefined {
  return readProcStat(pid)?.parentPid;
}

/** The mounted memory cgroup of a membership; undefined where it is not visible. */
export function memoryCgroup(membership: Membership): MemoryCgroup | undefined {
  const found = locate(membership, parseCgroupMounts(readProc('/proc/self/mountinfo') ?? '', 'memory'));
  return found === undefined ? undefined : { version: membership.version, path: found };
}

/** Space, tab, newline and backslash stand there as octal escapes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
