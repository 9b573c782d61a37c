/** The types of `process.capabilities` in config.json: opencontainers/runtime-spec, config.md, "Linux Process". */

/**
 * The name of a capability in capabilities(7). The list is that of Linux 5.9 to 6.12. The type allows other names too;
 * runtimes ignore an unknown one with a warning.
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

/** The five capability sets of a process; a missing set is empty. See capabilities(7), "Thread capability sets". */
export interface LinuxCapabilities {
  /** The capabilities that execve(2) may grant from a file, and that may be added to `inheritable`. */
  bounding?: Capability[];
  /** The capabilities that the kernel checks. A subset of `permitted`. */
  effective?: Capability[];
  /** The capabilities that execve(2) keeps if the file has them in its inheritable set. */
  inheritable?: Capability[];
  /** The capabilities that the process may add to `effective`. */
  permitted?: Capability[];
  /** The capabilities that execve(2) keeps for an unprivileged program. A subset of `permitted` and `inheritable`. */
  ambient?: Capability[];
}
