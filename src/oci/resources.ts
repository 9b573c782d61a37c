/**
 * The types of `linux.resources` in config.json, the limits of a container's cgroup: opencontainers/runtime-spec,
 * config-linux.md; cgroups(7).
 */

export interface LinuxResources {
  memory?: LinuxMemory;
  cpu?: LinuxCPU;
  pids?: LinuxPids;
  blockIO?: LinuxBlockIO;
  /** At most one for each page size. */
  hugepageLimits?: LinuxHugepageLimit[];
  network?: LinuxNetwork;
  /** Limits by the device's name, as `mlx5_1`. */
  rdma?: Record<string, LinuxRdma>;
  /** Values to write to cgroup v2 files, by the file's name, as `memory.high`. */
  unified?: Record<string, string>;
  /** Rules for the use of devices, applied in this order. */
  devices?: LinuxDeviceCgroup[];
}

/** Memory limits in bytes; -1 means no limit. */
export interface LinuxMemory {
  /** The hard limit. */
  limit?: number;
  /** The soft limit. */
  reservation?: number;
  /** The hard limit of memory and swap together; at least `limit`. */
  swap?: number;
  /** The limit of kernel memory. @deprecated since Linux 5.4; runtimes may ignore it. */
  kernel?: number;
  /** The limit of TCP buffers; cgroup v1. @deprecated runtimes may ignore it. */
  kernelTCP?: number;
  /** How much the kernel prefers to swap out the container's pages, 0 to 100; cgroup v1. */
  swappiness?: number;
  /** Whether a process over the limit waits in place of being killed; cgroup v1. Default false. */
  disableOOMKiller?: boolean;
  /** Whether child cgroups share the limits; cgroup v1. */
  useHierarchy?: boolean;
  /** Whether to refuse a new limit that is below the current usage. Since runtime-spec 1.1. */
  checkBeforeUpdate?: boolean;
}

export interface LinuxCPU {
  /** The relative weight, 2 to 262144; the kernel's default is 1024. Converted to `cpu.weight` for cgroup v2. */
  shares?: number;
  /** Processor time in each period, in microseconds, at least 1000. -1: no limit; 2 * `period`: two processors. */
  quota?: number;
  /** Unused quota that may be accumulated, in microseconds. Since runtime-spec 1.1; needs Linux 5.14. */
  burst?: number;
  /** The length of a period in microseconds, 1000 to 1000000; the kernel's default is 100000. */
  period?: number;
  /** Real-time scheduling in each `realtimePeriod`, in microseconds; cgroup v1. */
  realtimeRuntime?: number;
  /** The length of a real-time period in microseconds; cgroup v1. */
  realtimePeriod?: number;
  /** The processors that the container may use, as `0-3,7`. Default: all. */
  cpus?: string;
  /** The memory nodes that the container may use, as `0-3,7`. Default: all. */
  mems?: string;
  /** 1: run only if no other process is runnable (SCHED_IDLE); 0: normal. Since runtime-spec 1.1; needs Linux 5.15. */
  idle?: number;
}

export interface LinuxPids {
  /** The largest number of tasks; 0 or less means no limit. */
  limit: number;
}

export interface LinuxBlockIO {
  /** The relative weight, 10 to 1000. */
  weight?: number;
  /** The weight relative to child cgroups, 10 to 1000; cgroup v1. */
  leafWeight?: number;
  /** Weights for single devices. */
  weightDevice?: LinuxWeightDevice[];
  /** Limits of reads, in bytes per second. */
  throttleReadBpsDevice?: LinuxThrottleDevice[];
  /** Limits of writes, in bytes per second. */
  throttleWriteBpsDevice?: LinuxThrottleDevice[];
  /** Limits of reads, in operations per second. */
  throttleReadIOPSDevice?: LinuxThrottleDevice[];
  /** Limits of writes, in operations per second. */
  throttleWriteIOPSDevice?: LinuxThrottleDevice[];
}

/** The weights of one device; at least one of them is required. */
export interface LinuxWeightDevice {
  major: number;
  minor: number;
  /** 10 to 1000. */
  weight?: number;
  /** 10 to 1000; cgroup v1. */
  leafWeight?: number;
}

export interface LinuxThrottleDevice {
  major: number;
  minor: number;
  /** Bytes or operations per second. */
  rate: number;
}

export interface LinuxHugepageLimit {
  /** The page size as in the hugetlb controller's file names: `64KB`, `2MB`, `1GB`. */
  pageSize: string;
  /** The limit in bytes. */
  limit: number;
}

/** cgroup v1 only. */
export interface LinuxNetwork {
  /** The class id of the container's packets, 0 to 4294967295; controller net_cls. */
  classID?: number;
  /** Priorities by interface; controller net_prio. */
  priorities?: LinuxInterfacePriority[];
}

export interface LinuxInterfacePriority {
  /** The interface's name in the runtime's network namespace. */
  name: string;
  priority: number;
}

/** The limits of one RDMA device; at least one of them is required. */
export interface LinuxRdma {
  /** The largest number of handles. */
  hcaHandles?: number;
  /** The largest number of objects. */
  hcaObjects?: number;
}

export interface LinuxDeviceCgroup {
  /** Whether the rule allows or denies the access. */
  allow: boolean;
  /** All, character or block devices. Default: all. */
  type?: 'a' | 'c' | 'b';
  /** The major device number. -1 means all, and is the default. */
  major?: number;
  /** The minor device number. -1 means all, and is the default. */
  minor?: number;
  /** A combination of `r` (read), `w` (write) and `m` (mknod), as `rwm`. */
  access?: string;
}
