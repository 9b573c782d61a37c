/** `process` of config.json (runtime-spec, config.md, "Process"). */
import type { LinuxCapabilities } from './capabilities.js';

/** What a container runs, and as whom. */
export interface ProcessSpec {
  /** Whether it gets a pseudo-terminal as its stdin, stdout and stderr. Default false. */
  terminal?: boolean;
  /** The terminal's first size. Ignored without `terminal`. */
  consoleSize?: Box;
  /** The user and groups, in the container's user namespace. runc and crun: 0 and 0 where it is missing. */
  user?: User;
  /** The program and its arguments, as execvp(3) takes them; at least one. */
  args: string[];
  /** Windows' form of `args`; Linux runtimes pass over it. */
  commandLine?: string;
  /** The whole environment, each `NAME=value`. */
  env?: string[];
  /** Working directory: an absolute path in the container. runc and crun demand it. */
  cwd?: string;
  /** The capability sets. Where it is missing the process has none (an exec'ed one: the container's). */
  capabilities?: LinuxCapabilities;
  /** At most one of each `type`. */
  rlimits?: Rlimit[];
  /** Whether execve(2) can give no more privileges: prctl(2), PR_SET_NO_NEW_PRIVS. Default false. */
  noNewPrivileges?: boolean;
  /** What is added to its badness for the OOM killer, -1000 (never killed) to 1000; proc(5). */
  oomScoreAdj?: number;
  /** Name of the AppArmor profile, which must be loaded. */
  apparmorProfile?: string;
  /** SELinux label of the process. */
  selinuxLabel?: string;
  /** Scheduling policy: sched_setattr(2). Since runtime-spec 1.1. */
  scheduler?: Scheduler;
  /** Input and output priority: ioprio_set(2). Since runtime-spec 1.1. */
  ioPriority?: LinuxIOPriority;
  /** On which processors an exec'ed process starts and runs; not for a container's first. Since runtime-spec 1.2.1. */
  execCPUAffinity?: ExecCPUAffinity;
}

/** The size of a terminal, in character cells. */
export interface Box {
  /** Rows, 1 to 65535. */
  height: number;
  /** Columns, 1 to 65535. */
  width: number;
}

/** Ids in the container's user namespace; names are not looked up. */
export interface User {
  /** User id, 0 to 4294967294. */
  uid: number;
  /** Primary group id, 0 to 4294967294. */
  gid: number;
  /** File mode creation mask, 0 to 0o777; umask(2). runc 1.1 gives an exec'ed process the container's. */
  umask?: number;
  /** The supplementary groups: exactly these. */
  additionalGids?: number[];
}

/** A resource limit: getrlimit(2). */
export interface Rlimit {
  type: RlimitType;
  /**
   * What is enforced, in the resource's own unit; at most `hard`. No limit is 18446744073709551615 (2^64 - 1), which a
   * JavaScript number can't hold exactly: `exec` writes it as it should be, `JSON.stringify` does not (…552000, which
   * runc and crun refuse).
   */
  soft: number;
  /** To what the process may raise `soft`. */
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

/** sched_setattr(2). */
export interface Scheduler {
  policy: 'SCHED_OTHER' | 'SCHED_FIFO' | 'SCHED_RR' | 'SCHED_BATCH' | 'SCHED_ISO' | 'SCHED_IDLE' | 'SCHED_DEADLINE';
  /** -20 (served most) to 19, for SCHED_OTHER and SCHED_BATCH. Default 0. */
  nice?: number;
  /** Static priority, 1 to 99, for SCHED_FIFO and SCHED_RR. Default 0. */
  priority?: number;
  flags?: SchedulerFlag[];
  /** Nanoseconds of processor time in each period; this and the next two for SCHED_DEADLINE. Default 0. */
  runtime?: number;
  /** Nanoseconds from a period's begin within which they are given. Default 0. */
  deadline?: number;
  /** Nanoseconds. Default 0. */
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

/** ioprio_set(2), for the process group. */
export interface LinuxIOPriority {
  /** Real time, best effort, or only when nobody else asks. */
  class: 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE';
  /** 0 (served first) to 7. */
  priority: number;
}

/** Lists of processors as cpuset(7) writes them: `0-3,7`. */
export interface ExecCPUAffinity {
  /** Before the process is moved into the container's cgroup. */
  initial?: string;
  /** After that. Default: the container's own. */
  final?: string;
}
