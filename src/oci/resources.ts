/** `linux.resources` of config.json: the limits of a container's cgroup (runtime-spec, config-linux.md). cgroups(7). */

export interface LinuxResources {
  memory?: LinuxMemory;
  cpu?: LinuxCPU;
  pids?: LinuxPids;
  blockIO?: LinuxBlockIO;
  /** One for each page size. */
  hugepageLimits?: LinuxHugepageLimit[];
  network?: LinuxNetwork;
  /** By the device's name, as `mlx5_1`. */
  rdma?: Record<string, LinuxRdma>;
  /** cgroup v2 files by name, as `memory.high`, and what to write into each. */
  unified?: Record<string, string>;
  /** Which devices may be used; applied in this order. */
  devices?: LinuxDeviceCgroup[];
}

/** Limits in bytes; -1 is no limit. */
export interface LinuxMemory {
  /** Hard limit. */
  limit?: number;
  /** Soft limit. */
  reservation?: number;
  /** Hard limit of memory and swap together; at least `limit`. */
  swap?: number;
  /** Kernel memory. @deprecated Linux 5.4 ended it; runtimes may pass over it. */
  kernel?: number;
  /** TCP buffers; cgroup v1. @deprecated runtimes may pass over it. */
  kernelTCP?: number;
  /** How readily its pages are swapped, 0 to 100; cgroup v1. */
  swappiness?: number;
  /** Whether a process over the limit waits and is not killed; cgroup v1. Default false. */
  disableOOMKiller?: boolean;
  /** Whether child cgroups share the limits; cgroup v1. */
  useHierarchy?: boolean;
  /** Whether a new limit below what is in use is refused. Since runtime-spec 1.1. */
  checkBeforeUpdate?: boolean;
}

export interface LinuxCPU {
  /** Relative weight, 2 to 262144; the kernel's default is 1024. cgroup v2: converted to `cpu.weight`. */
  shares?: number;
  /** Microseconds of processor time in each period, at least 1000; -1 is no limit. Two processors are twice `period`. */
  quota?: number;
  /** Microseconds that may be saved up over `quota`. Since runtime-spec 1.1; Linux 5.14. */
  burst?: number;
  /** Microseconds, 1000 to 1000000; the kernel's default is 100000. */
  period?: number;
  /** Microseconds of real-time scheduling in each `realtimePeriod`; cgroup v1. */
  realtimeRuntime?: number;
  /** Microseconds; cgroup v1. */
  realtimePeriod?: number;
  /** The processors that it may use, as `0-3,7`. Default all. */
  cpus?: string;
  /** The memory nodes that it may use, likewise. */
  mems?: string;
  /** 1: served when no other is (SCHED_IDLE); 0: as usual. Since runtime-spec 1.1; Linux 5.15. */
  idle?: number;
}

export interface LinuxPids {
  /** The most tasks; 0 or less is no limit. */
  limit: number;
}

export interface LinuxBlockIO {
  /** Relative weight, 10 to 1000. */
  weight?: number;
  /** The same against child cgroups, 10 to 1000; cgroup v1. */
  leafWeight?: number;
  /** Weights for single devices. */
  weightDevice?: LinuxWeightDevice[];
  /** Bytes a second. */
  throttleReadBpsDevice?: LinuxThrottleDevice[];
  throttleWriteBpsDevice?: LinuxThrottleDevice[];
  /** Operations a second. */
  throttleReadIOPSDevice?: LinuxThrottleDevice[];
  throttleWriteIOPSDevice?: LinuxThrottleDevice[];
}

/** At least one of the weights. */
export interface LinuxWeightDevice {
  major: number;
  minor: number;
  /** 10 to 1000. */
  weight?: number;
  leafWeight?: number;
}

export interface LinuxThrottleDevice {
  major: number;
  minor: number;
  /** Bytes or operations a second. */
  rate: number;
}

export interface LinuxHugepageLimit {
  /** As in hugetlb's file names: `64KB`, `2MB`, `1GB`. */
  pageSize: string;
  /** Bytes. */
  limit: number;
}

/** cgroup v1 only. */
export interface LinuxNetwork {
  /** Tag of its packets, 0 to 4294967295; net_cls. */
  classID?: number;
  /** net_prio. */
  priorities?: LinuxInterfacePriority[];
}

export interface LinuxInterfacePriority {
  /** Interface, in the runtime's network namespace. */
  name: string;
  priority: number;
}

/** At least one of both. */
export interface LinuxRdma {
  /** The most handles. */
  hcaHandles?: number;
  /** The most objects. */
  hcaObjects?: number;
}

export interface LinuxDeviceCgroup {
  allow: boolean;
  /** All, character or block devices. Default all. */
  type?: 'a' | 'c' | 'b';
  /** Device numbers. Default (and -1): all. */
  major?: number;
  minor?: number;
  /** Any of `r` (read), `w` (write) and `m` (mknod), together, as `rwm`. */
  access?: string;
}
