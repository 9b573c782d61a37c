/**
 * The types of `linux` in config.json: opencontainers/runtime-spec, config-linux.md. resources.ts has the cgroup
 * limits, seccomp.ts the system call filter.
 */
import type { LinuxResources } from './resources.js';
import type { LinuxSeccomp } from './seccomp.js';

export interface Linux {
  /** At most one of each type. If a type is missing, the container shares the runtime's namespace. */
  namespaces?: LinuxNamespace[];
  /** How the user ids of a new `user` namespace map to host ids; see user_namespaces(7). */
  uidMappings?: IdMapping[];
  /** The same for group ids. */
  gidMappings?: IdMapping[];
  /** Device nodes to make in addition to the default ones (null, zero, full, random, urandom, tty, ptmx). */
  devices?: LinuxDevice[];
  /**
   * The path of the container's cgroup. An absolute path is relative to the cgroup mount; the runtime chooses where a
   * relative path begins (runc: in its own cgroup). With the systemd driver: `slice:prefix:name`.
   */
  cgroupsPath?: string;
  /** Limits of that cgroup. */
  resources?: LinuxResources;
  /** How mounts propagate between the host and the root file system; see mount_namespaces(7). */
  rootfsPropagation?: 'shared' | 'slave' | 'private' | 'unbindable' | 'rshared' | 'rslave' | 'rprivate' | 'runbindable';
  seccomp?: LinuxSeccomp;
  /** Kernel parameters of the container's namespaces by name, as `net.core.somaxconn`; see sysctl(8). */
  sysctl?: Record<string, string>;
  /** Absolute paths in the container that can't be read. */
  maskedPaths?: string[];
  /** Absolute paths in the container that can't be written. */
  readonlyPaths?: string[];
  /** The SELinux label of the mounts. */
  mountLabel?: string;
  /** The execution domain; see personality(2). */
  personality?: LinuxPersonality;
  intelRdt?: LinuxIntelRdt;
  /** The offsets of a new `time` namespace's clocks; see time_namespaces(7). */
  timeOffsets?: { monotonic?: LinuxTimeOffset; boottime?: LinuxTimeOffset };
  /** Network devices of the host to move into the container's network namespace, by name. Since runtime-spec 1.3. */
  netDevices?: Record<string, LinuxNetDevice>;
  /** The NUMA memory policy; see set_mempolicy(2). Since runtime-spec 1.3. */
  memoryPolicy?: LinuxMemoryPolicy;
}

export interface LinuxNamespace {
  type: LinuxNamespaceType;
  /** The namespace to join: an absolute path such as `/proc/1234/ns/net`. Default: a new namespace. */
  path?: string;
}

/** See namespaces(7). */
export type LinuxNamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

/** Maps a range of ids; see user_namespaces(7). */
export interface IdMapping {
  /** The first id in the container, 0 to 4294967294. */
  containerID: number;
  /** The host id that it maps to, 0 to 4294967294. */
  hostID: number;
  /** The number of ids, at least 1. */
  size: number;
}

/** A device node; see mknod(2). */
export interface LinuxDevice {
  /** `c` or `u`: character device, `b`: block device, `p`: FIFO. */
  type: 'c' | 'b' | 'u' | 'p';
  /** An absolute path in the container. */
  path: string;
  /** The major device number; required unless `type` is `p`. */
  major?: number;
  /** The minor device number; required unless `type` is `p`. */
  minor?: number;
  /** Permission bits, as 0o666. */
  fileMode?: number;
  /** The owner's user id in the container's user namespace. */
  uid?: number;
  gid?: number;
}

export interface LinuxPersonality {
  /** `LINUX32`: uname(2) reports a 32-bit machine. */
  domain: 'LINUX' | 'LINUX32';
  /** The specification defines no flag. */
  flags?: string[];
}

/** The offset of a clock: the sum of `secs` and `nanosecs`. */
export interface LinuxTimeOffset {
  /** Seconds; may be negative. Default 0. */
  secs?: number;
  /** Nanoseconds, 0 to 999999999. Default 0. */
  nanosecs?: number;
}

/** Intel Resource Director Technology: a directory in the resctrl file system, which must be mounted. */
export interface LinuxIntelRdt {
  /** The class of service, which is the directory's name. Default: the container's id. */
  closID?: string;
  /** Lines of the file `schemata`; written after the two schemas below. Since runtime-spec 1.3. */
  schemata?: string[];
  /** The L3 cache schema; begins with `L3:`. */
  l3CacheSchema?: string;
  /** The memory bandwidth schema; begins with `MB:`. */
  memBwSchema?: string;
  /** Whether to enable cache monitoring. runtime-spec 1.1 and 1.2. */
  enableCMT?: boolean;
  /** Whether to enable memory bandwidth monitoring. runtime-spec 1.1 and 1.2. */
  enableMBM?: boolean;
  /** Whether to make a monitoring group for the container. Since runtime-spec 1.3, replaces the two above. */
  enableMonitoring?: boolean;
}

export interface LinuxNetDevice {
  /** The device's name in the container. Default: the name on the host. */
  name?: string;
}

export interface LinuxMemoryPolicy {
  /** The mode: `MPOL_BIND`, `MPOL_INTERLEAVE` … */
  mode: string;
  /** The NUMA nodes, as `0-3,7`. */
  nodes?: string;
  /** Mode flags: `MPOL_F_STATIC_NODES` … */
  flags?: string[];
}
