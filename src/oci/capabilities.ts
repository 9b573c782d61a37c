/** Capabilities, as config.json names them (runtime-spec, config.md, "Linux Process"). */

/**
 * A capability by its name in capabilities(7). The list is that of Linux 5.9 (and still of 6.12); a name that is not in
 * it is taken all the same, and runtimes pass over one that they do not know with a warning.
 */
export type Capability =
  | 'CAP_AUDIT_CONTROL'
  | 'CAP_AUDIT_READ'
  | 'CAP_AUDIT_WRITE'
  | 'CAP_BLOCK_SUSPEND'
  | 'CAP_BPF'
  | 'CAP_CHECKPOINT_RESTORE'
  | 'CAP_CHOWN'
  | 'CAP_DAC_OVERRIDE'
  | 'CAP_DAC_READ_SEARCH'
  | 'CAP_FOWNER'
  | 'CAP_FSETID'
  | 'CAP_IPC_LOCK'
  | 'CAP_IPC_OWNER'
  | 'CAP_KILL'
  | 'CAP_LEASE'
  | 'CAP_LINUX_IMMUTABLE'
  | 'CAP_MAC_ADMIN'
  | 'CAP_MAC_OVERRIDE'
  | 'CAP_MKNOD'
  | 'CAP_NET_ADMIN'
  | 'CAP_NET_BIND_SERVICE'
  | 'CAP_NET_BROADCAST'
  | 'CAP_NET_RAW'
  | 'CAP_PERFMON'
  | 'CAP_SETFCAP'
  | 'CAP_SETGID'
  | 'CAP_SETPCAP'
  | 'CAP_SETUID'
  | 'CAP_SYSLOG'
  | 'CAP_SYS_ADMIN'
  | 'CAP_SYS_BOOT'
  | 'CAP_SYS_CHROOT'
  | 'CAP_SYS_MODULE'
  | 'CAP_SYS_NICE'
  | 'CAP_SYS_PACCT'
  | 'CAP_SYS_PTRACE'
  | 'CAP_SYS_RAWIO'
  | 'CAP_SYS_RESOURCE'
  | 'CAP_SYS_TIME'
  | 'CAP_SYS_TTY_CONFIG'
  | 'CAP_WAKE_ALARM'
  | (string & {});

/** The five capability sets of a process; a set that is missing is empty. capabilities(7), "Thread capability sets". */
export interface LinuxCapabilities {
  /** What execve(2) can ever give; the limit of `inheritable` that may be added later. */
  bounding?: Capability[];
  /** What the kernel checks. Must be within `permitted`. */
  effective?: Capability[];
  /** What is kept over execve(2) for files that ask for it. */
  inheritable?: Capability[];
  /** The limit of `effective`. */
  permitted?: Capability[];
  /** What a program that is no set-user-ID one keeps over execve(2). Must be within `permitted` and `inheritable`. */
  ambient?: Capability[];
}
