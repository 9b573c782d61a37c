/** `linux` of config.json (runtime-spec, config-linux.md); cgroup limits and seccomp are beside it. */
import type { LinuxResources } from './resources.js';
import type { LinuxSeccomp } from './seccomp.js';

export interface Linux {
  /** At most one of each type; a type that is missing is the runtime's own namespace. */
  namespaces?: LinuxNamespace[];
  /** The ids of a `user` namespace: which of the host's it has. user_namespaces(7). */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  /** Device nodes to make beside the default ones (null, zero, full, random, urandom, tty, ptmx). */
  devices?: LinuxDevice[];
  /**
   * The container's cgroup: absolute is relative to the cgroup mount, relative is as the runtime likes (runc: below its
   * own). With the systemd driver `slice:prefix:name`.
   */
  cgroupsPath?: string;
  /** Limits of that cgroup. */
  resources?: LinuxResources;
  /** How mounts are passed between the host and the root file system: mount_namespaces(7). */
  rootfsPropagation?: 'shared' | 'slave' | 'private' | 'unbindable' | 'rshared' | 'rslave' | 'rprivate' | 'runbindable';
  seccomp?: LinuxSeccomp;
  /** Kernel parameters by name, as `net.core.somaxconn`: those that a namespace of the container holds. sysctl(8). */
  sysctl?: Record<string, string>;
  /** Absolute paths in the container that can't be read. */
  maskedPaths?: string[];
  /** Absolute paths in the container that can't be written. */
  readonlyPaths?: string[];
  /** SELinux label of the mounts. */
  mountLabel?: string;
  /** personality(2). */
  personality?: LinuxPersonality;
  intelRdt?: LinuxIntelRdt;
  /** Offsets of a `time` namespace's clocks; time_namespaces(7). */
  timeOffsets?: { monotonic?: LinuxTimeOffset; boottime?: LinuxTimeOffset };
  /** Host network devices to move into the container's network namespace, by name. Since runtime-spec 1.3. */
  netDevices?: Record<string, LinuxNetDevice>;
  /** NUMA memory policy: set_mempolicy(2). Since runtime-spec 1.3. */
  memoryPolicy?: LinuxMemoryPolicy;
}

export interface LinuxNamespace {
  type: LinuxNamespaceType;
  /** Join this one: an absolute path such as `/proc/1234/ns/net`. Default: a new one. */
  path?: string;
}

/** namespaces(7). */
export type LinuxNamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

/** A range of ids: user_namespaces(7). */
export interface IdMapping {
  /** The first id in the container, 0 to 4294967294. */
  containerID: number;
  /** The id on the host that it is, 0 to 4294967294. */
  hostID: number;
  /** How many ids, at least 1. */
  size: number;
}

/** mknod(2). */
export interface LinuxDevice {
  /** Character device, block device, unbuffered character device, FIFO. */
  type: 'c' | 'b' | 'u' | 'p';
  /** Absolute path in the container. */
  path: string;
  /** Device numbers; needed unless `type` is `p`. */
  major?: number;
  minor?: number;
  /** Permission bits, as 0o666. */
  fileMode?: number;
  /** Owner in the container's user namespace. */
  uid?: number;
  gid?: number;
}

export interface LinuxPersonality {
  /** `LINUX32`: uname(2) tells a 32-bit machine. */
  domain: 'LINUX' | 'LINUX32';
  /** None is defined. */
  flags?: string[];
}

/** A clock's offset: `secs` and `nanosecs` together. */
export interface LinuxTimeOffset {
  /** Seconds, may be negative. Default 0. */
  secs?: number;
  /** Nanoseconds, 0 to 999999999. Default 0. */
  nanosecs?: number;
}

/** Intel Resource Director Technology: a directory of the resctrl file system, which must be mounted. */
export interface LinuxIntelRdt {
  /** Class of service, the directory's name. Default: the container's id. */
  closID?: string;
  /** Lines of the file `schemata`, written last. Since runtime-spec 1.3. */
  schemata?: string[];
  /** Begins with `L3:`. */
  l3CacheSchema?: string;
  /** Begins with `MB:`. */
  memBwSchema?: string;
  /** Cache monitoring; runtime-spec 1.1 and 1.2. */
  enableCMT?: boolean;
  /** Memory bandwidth monitoring; runtime-spec 1.1 and 1.2. */
  enableMBM?: boolean;
  /** A monitoring group of the container's own. Since runtime-spec 1.3, in place of the two above. */
  enableMonitoring?: boolean;
}

export interface LinuxNetDevice {
  /** Its name in the container. Default: as on the host. */
  name?: string;
}

export interface LinuxMemoryPolicy {
  /** `MPOL_BIND`, `MPOL_INTERLEAVE` … */
  mode: string;
  /** List of nodes, as `0-3,7`. */
  nodes?: string;
  /** `MPOL_F_STATIC_NODES` … */
  flags?: string[];
}
