/** The types of `process` in config.json: opencontainers/runtime-spec, config.md, "Process". */
import type { LinuxCapabilities } from './capabilities.js';

/** A process in a container: its program, environment, user, privileges and limits. */
export interface ProcessSpec {
  /** Whether stdin, stdout and stderr are a pseudo-terminal. Default false. */
  terminal?: boolean;
  /** The terminal's first size. Ignored without `terminal`. */
  consoleSize?: Box;
  /** The user and groups in the container's user namespace. Default of runc and crun: user 0 and group 0. */
  user?: User;
  /** The program and its arguments, at least one. The program is looked up as execvp(3) does. */
  args: string[];
  /** The form of `args` on Windows; Linux runtimes ignore it. */
  commandLine?: string;
  /** The whole environment, each `NAME=value`. */
  env?: string[];
  /** The working directory: an absolute path in the container. runc and crun require it. */
  cwd?: string;
  /** The capability sets. Default: none; for an additional process, those of the container. */
  capabilities?: LinuxCapabilities;
  /** Resource limits, at most one of each `type`. Default: those of the supervisor; at most 1024 open descriptors (soft). */
  rlimits?: Rlimit[];
  /** Whether execve(2) can't grant new privileges: prctl(2), PR_SET_NO_NEW_PRIVS. Default false. */
  noNewPrivileges?: boolean;
  /** Added to the process's badness for the OOM killer, -1000 (never killed) to 1000; see proc(5). */
  oomScoreAdj?: number;
  /** The name of an AppArmor profile, which must be loaded. */
  apparmorProfile?: string;
  /** The SELinux label of the process. */
  selinuxLabel?: string;
  /** The scheduling policy; see sched_setattr(2). Since runtime-spec 1.1. */
  scheduler?: Scheduler;
  /** The I/O priority; see ioprio_set(2). Since runtime-spec 1.1. */
  ioPriority?: LinuxIOPriority;
  /** The processors for an additional process, not for a container's first. Since runtime-spec 1.2.1. */
  execCPUAffinity?: ExecCPUAffinity;
}

/** The size of a terminal, in character cells. */
export interface Box {
  /** Rows, 1 to 65535. */
  height: number;
  /** Columns, 1 to 65535. */
  width: number;
}

/** User and group ids in the container's user namespace. They are numbers only: no name is looked up. */
export interface User {
  /** The user id, 0 to 4294967294. */
  uid: number;
  /** The primary group id, 0 to 4294967294. */
  gid: number;
  /**
   * The file mode creation mask, 0 to 0o777; see umask(2). Default: on the host runtime the supervisor's; in a container
   * 0o022. runc 1.1 gives an additional process the container's, or if that has none the supervisor's.
   */
  umask?: number;
  /** All supplementary group ids, each 0 to 4294967294. */
  additionalGids?: number[];
}

/** A resource limit; see getrlimit(2). */
export interface Rlimit {
  type: RlimitType;
  /**
   * The limit that the kernel enforces, in the resource's unit; at most `hard`. 18446744073709551615 (2^64 - 1) means
   * no limit. A JavaScript number can't hold it exactly: `container.exec()` writes it correctly, but `JSON.stringify`
   * writes 18446744073709552000, which runc and crun refuse.
   */
  soft: number;
  /** The value up to which the process may raise `soft`. */
  hard: number;
}

export type RlimitType =
  | 'RLIMIT_AS'
  | 'RLIMIT_CORE'
  | 'RLIMIT_CPU'
  | 'RLIMIT_DATA'
  | 'RLIMIT_FSIZE'
  | 'RLIMIT_LOCKS'
  | 'RLIMIT_MEMLOCK'
  | 'RLIMIT_MSGQUEUE'
  | 'RLIMIT_NICE'
  | 'RLIMIT_NOFILE'
  | 'RLIMIT_NPROC'
  | 'RLIMIT_RSS'
  | 'RLIMIT_RTPRIO'
  | 'RLIMIT_RTTIME'
  | 'RLIMIT_SIGPENDING'
  | 'RLIMIT_STACK'
  | (string & {});

/** A scheduling policy with its parameters; see sched_setattr(2) and sched(7). */
export interface Scheduler {
  policy: 'SCHED_OTHER' | 'SCHED_FIFO' | 'SCHED_RR' | 'SCHED_BATCH' | 'SCHED_ISO' | 'SCHED_IDLE' | 'SCHED_DEADLINE';
  /** For SCHED_OTHER and SCHED_BATCH: the nice value, -20 (highest priority) to 19. Default 0. */
  nice?: number;
  /** For SCHED_FIFO and SCHED_RR: the static priority, 1 to 99. Default 0. */
  priority?: number;
  flags?: SchedulerFlag[];
  /** For SCHED_DEADLINE: processor time in each period, in nanoseconds. Default 0. */
  runtime?: number;
  /** For SCHED_DEADLINE: time from the beginning of a period to its deadline, in nanoseconds. Default 0. */
  deadline?: number;
  /** For SCHED_DEADLINE: the length of a period, in nanoseconds. Default 0. */
  period?: number;
}

export type SchedulerFlag =
  | 'SCHED_FLAG_RESET_ON_FORK'
  | 'SCHED_FLAG_RECLAIM'
  | 'SCHED_FLAG_DL_OVERRUN'
  | 'SCHED_FLAG_KEEP_POLICY'
  | 'SCHED_FLAG_KEEP_PARAMS'
  | 'SCHED_FLAG_UTIL_CLAMP_MIN'
  | 'SCHED_FLAG_UTIL_CLAMP_MAX'
  | (string & {});

/** The I/O priority of the process group; see ioprio_set(2). */
export interface LinuxIOPriority {
  /** Real time, best effort, or idle: served only if no other process waits for I/O. */
  class: 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE';
  /** 0 (highest) to 7. */
  priority: number;
}

/** The processors of an additional process, each a list as cpuset(7) defines it: `0-3,7`. */
export interface ExecCPUAffinity {
  /** The processors before the process is moved into the container's cgroup. */
  initial?: string;
  /** The processors after that. Default: those of the container. */
  final?: string;
}
