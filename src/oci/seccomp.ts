/**
 * The types of `linux.seccomp` in config.json: opencontainers/runtime-spec, config-linux.md; seccomp(2). The names are
 * those of libseccomp.
 */

export interface LinuxSeccomp {
  /** The action for a system call that no entry of `syscalls` matches. */
  defaultAction: SeccompAction;
  /** The errno that `defaultAction` returns if it returns one, as 38 (ENOSYS). Default 1 (EPERM). */
  defaultErrnoRet?: number;
  /** Architectures to allow in addition to the machine's own. */
  architectures?: SeccompArchitecture[];
  flags?: SeccompFlag[];
  /** The path of a Unix stream socket to which the runtime sends the notify descriptor, for `SCMP_ACT_NOTIFY`. */
  listenerPath?: string;
  /** Data that the runtime sends with the notify descriptor. */
  listenerMetadata?: string;
  syscalls?: LinuxSyscall[];
}

export interface LinuxSyscall {
  /** The names of system calls, at least one. */
  names: string[];
  action: SeccompAction;
  /** The errno that `action` returns if it returns one. Default 1 (EPERM). */
  errnoRet?: number;
  /** Conditions on the arguments; all must be true. */
  args?: LinuxSeccompArg[];
}

export interface LinuxSeccompArg {
  /** The argument's index, 0 to 5. */
  index: number;
  /** The value to compare with; for `SCMP_CMP_MASKED_EQ`, the mask. */
  value: number;
  /** For `SCMP_CMP_MASKED_EQ`: the value to compare with. */
  valueTwo?: number;
  op: SeccompOperator;
}

export type SeccompAction =
  | 'SCMP_ACT_KILL'
  | 'SCMP_ACT_KILL_PROCESS'
  | 'SCMP_ACT_KILL_THREAD'
  | 'SCMP_ACT_TRAP'
  | 'SCMP_ACT_ERRNO'
  | 'SCMP_ACT_TRACE'
  | 'SCMP_ACT_ALLOW'
  | 'SCMP_ACT_LOG'
  | 'SCMP_ACT_NOTIFY';

export type SeccompOperator =
  'SCMP_CMP_NE' | 'SCMP_CMP_LT' | 'SCMP_CMP_LE' | 'SCMP_CMP_EQ' | 'SCMP_CMP_GE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';

export type SeccompArchitecture =
  | 'SCMP_ARCH_X86'
  | 'SCMP_ARCH_X86_64'
  | 'SCMP_ARCH_X32'
  | 'SCMP_ARCH_ARM'
  | 'SCMP_ARCH_AARCH64'
  | 'SCMP_ARCH_LOONGARCH64'
  | 'SCMP_ARCH_M68K'
  | 'SCMP_ARCH_MIPS'
  | 'SCMP_ARCH_MIPS64'
  | 'SCMP_ARCH_MIPS64N32'
  | 'SCMP_ARCH_MIPSEL'
  | 'SCMP_ARCH_MIPSEL64'
  | 'SCMP_ARCH_MIPSEL64N32'
  | 'SCMP_ARCH_PARISC'
  | 'SCMP_ARCH_PARISC64'
  | 'SCMP_ARCH_PPC'
  | 'SCMP_ARCH_PPC64'
  | 'SCMP_ARCH_PPC64LE'
  | 'SCMP_ARCH_RISCV64'
  | 'SCMP_ARCH_S390'
  | 'SCMP_ARCH_S390X'
  | 'SCMP_ARCH_SH'
  | 'SCMP_ARCH_SHEB'
  | (string & {});

export type SeccompFlag =
  | 'SECCOMP_FILTER_FLAG_TSYNC'
  | 'SECCOMP_FILTER_FLAG_LOG'
  | 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'
  | 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'
  | (string & {});
