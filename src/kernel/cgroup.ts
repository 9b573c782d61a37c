/**
 * Finds a process's cgroups: parses `/proc/<pid>/cgroup` and `/proc/<pid>/mountinfo`, for cgroup v1 and v2.
 * Reads no file of a cgroup itself; monitor/ and runtime/ do. Behaviour: cgroups(7), proc(5).
 */
import { readFileSync } from 'node:fs';
import { posix as path } from 'node:path';
import { hasCode } from '../base/errors.js';
import { readProcStat } from './identity.js';

/** The cgroup that accounts a process's memory. */
export interface MemoryCgroup {
  readonly version: 1 | 2;
  /** The directory's path, as this process sees the file system. */
  readonly path: string;
}

/** The cgroup that a process is a member of. `path` is relative to the root of the hierarchy, not to a mount point. */
export interface Membership {
  readonly version: 1 | 2;
  readonly path: string;
}

/** A mount of a cgroup hierarchy or of a part of it. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** The path of the mounted cgroup from the root of the hierarchy. */
  readonly root: string;
  readonly mountPoint: string;
}

export type Controller = 'memory' | 'freezer';

/** Finds in the text of `/proc/<pid>/cgroup` the path in v1's hierarchy with this controller, or in v2's hierarchy. */
export function cgroupPath(text: string, version: 1 | 2, controller: Controller): string | undefined {
  for (const line of text.split('\n')) {
    // The path may contain colons. So may the name of a named v1 hierarchy; such a line is not wanted here.
    const [, hierarchy, controllers = '', path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const isMatch =
      version === 1 ? controllers.split(',').includes(controller) : hierarchy === '0' && controllers === '';
    if (isMatch) return path;
  }
  return undefined;
}

/** The membership in the v1 hierarchy with the memory controller if there is one, else in the v2 hierarchy. */
export function parseMembership(text: string): Membership | undefined {
  for (const version of [1, 2] as const) {
    const cgroup = cgroupPath(text, version, 'memory');
    if (cgroup !== undefined) return { version, path: cgroup };
  }
  return undefined;
}

/** Finds in the text of `/proc/<pid>/mountinfo` the mounts of v1's hierarchy with this controller, and those of v2. */
export function parseCgroupMounts(text: string, controller: Controller): CgroupMount[] {
  return parseMounts(text, CGROUP).flatMap(({ type, options, root, mountPoint }) => {
    const isV1 = type === 'cgroup' && options.includes(controller);
    return isV1 || type === 'cgroup2' ? [{ version: isV1 ? 1 : 2, root, mountPoint }] : [];
  });
}

/** What a line of mountinfo about a cgroup hierarchy has before the type's version. */
const CGROUP = ' - cgroup';

/** A line of `/proc/<pid>/mountinfo`. */
export interface Mount {
  readonly type: string;
  /** Those of the file system: v1's controllers among them. */
  readonly options: string[];
  readonly root: string;
  readonly mountPoint: string;
}

/**
 * The lines of mountinfo, in the order in which the file systems were mounted; none for text that is no such line.
 * @param having only lines with this text: a machine may have thousands of others.
 */
export function parseMounts(text: string, having = ' - '): Mount[] {
  return text.split('\n').flatMap((line) => {
    if (!line.includes(having)) return [];
    const [mount = '', filesystem = ''] = line.split(' - ');
    const [, , , root, mountPoint] = mount.split(' ');
    const [type = '', , options = ''] = filesystem.split(' ');
    if (root === undefined || mountPoint === undefined) return [];
    return [{ type, options: options.split(','), root: unescaped(root), mountPoint: unescaped(mountPoint) }];
  });
}

/**
 * The directories that a cgroup with this path may have, in every hierarchy that is mounted here. A path that is not
 * absolute is taken below the own cgroup of this process (as runc does) and below the hierarchy's root (as crun does).
 * @param mountinfo the text of `/proc/self/mountinfo`.
 * @param cgroups the text of `/proc/self/cgroup`.
 */
export function cgroupDirectories(cgroup: string, mountinfo: string, cgroups: string): string[] {
  const own = cgroups.split('\n').flatMap((line) => {
    const [, controllers, ownPath] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return ownPath === undefined ? [] : [{ controllers: controllers?.split(',') ?? [], path: ownPath }];
  });
  const directories = parseMounts(mountinfo, CGROUP).flatMap(({ type, options, root, mountPoint }) => {
    if (type !== 'cgroup' && type !== 'cgroup2') return [];
    const isOfMount = ({ controllers }: { controllers: string[] }): boolean =>
      controllers.some((name) => (type === 'cgroup2' ? name === '' : options.includes(name)));
    const bases = path.isAbsolute(cgroup) ? [] : own.filter(isOfMount).map((member) => member.path);
    return ['/', ...bases].flatMap((base) => {
      const whole = path.resolve(base, path.join('/', cgroup).slice(1));
      const inside = path.relative(root, whole);
      const isBelow = inside !== '' && inside !== '..' && !inside.startsWith('../');
      return isBelow && whole !== base ? [path.join(mountPoint, inside)] : [];
    });
  });
  return [...new Set(directories)];
}

/** The directory of a cgroup below one of the mounts; undefined if no mount contains it. */
export function locate({ version, path: cgroup }: Membership, mounts: readonly CgroupMount[]): string | undefined {
  for (const mount of mounts) {
    if (mount.version !== version) continue;
    const inside = path.relative(mount.root, cgroup);
    if (inside !== '..' && !inside.startsWith('../')) return path.join(mount.mountPoint, inside);
  }
  return undefined;
}

/** The memory cgroup of a process by `/proc/<pid>/cgroup`; undefined if the process is gone or has none. */
export function membershipOf(pid: number | 'self'): Membership | undefined {
  const text = readProc(`/proc/${pid}/cgroup`);
  return text === undefined ? undefined : parseMembership(text);
}

/** The pid of a process's parent; undefined if the process is gone. */
export function parentOf(pid: number): number | undefined {
  return readProcStat(pid)?.parentPid;
}

/**
 * The mounts of the hierarchies with a controller that this process sees. Read once: they are mounted when the machine
 * boots, and on a machine with thousands of mounts the kernel needs milliseconds to print all.
 */
export class OwnCgroupMounts {
  readonly #controller: Controller;
  #mounts: readonly CgroupMount[] | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  get(): readonly CgroupMount[] {
    return (this.#mounts ??= this.read());
  }

  /** Reads them again. */
  read(): readonly CgroupMount[] {
    this.#mounts = parseCgroupMounts(readProc('/proc/self/mountinfo') ?? '', this.#controller);
    return this.#mounts;
  }
}

const memoryMounts = new OwnCgroupMounts('memory');

/** The directory of a memory cgroup; undefined if no mount that this process sees contains it. */
export function memoryCgroup(membership: Membership): MemoryCgroup | undefined {
  // Read again before it is said that there is none: it may have been mounted since.
  const found = locate(membership, memoryMounts.get()) ?? locate(membership, memoryMounts.read());
  return found === undefined ? undefined : { version: membership.version, path: found };
}

/** The cgroup v2 of this process, as it sees the file system; undefined if it sees none. */
export function ownCgroup2(): string | undefined {
  const cgroup = cgroupPath(readProc('/proc/self/cgroup') ?? '', 2, 'memory');
  const mounts = parseCgroupMounts(readProc('/proc/self/mountinfo') ?? '', 'memory');
  // A path that begins with /.. is outside of our cgroup namespace.
  return cgroup === undefined || cgroup.startsWith('/..') ? undefined : locate({ version: 2, path: cgroup }, mounts);
}

/** Decodes mountinfo's octal escapes, which stand for space, tab, newline and backslash. */
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
