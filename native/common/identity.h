// Who a process is: a pid alone may be somebody else's by now, pid and start time together are not (within one boot).
// Every signal of this program goes through a pidfd that was opened here and checked (pidfd_open(2)).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/proc.h"
#include "common/unique_fd.h"

struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time_ticks = 0;  // since this boot: the caller compares boot ids
};

inline bool operator==(const ProcessIdentity& a, const ProcessIdentity& b) {
  return a.pid == b.pid && a.start_time_ticks == b.start_time_ticks;
}

// Reads a live process's identity: 0 or -errno.
int identify(pid_t pid, ProcessIdentity* out);

// A pidfd of exactly this process, which may be a zombie: 0, or -ESRCH when it is gone, or another -errno.
int open_process(const ProcessIdentity& who, UniqueFd* pidfd);

// pidfd_open(2): the descriptor or -errno; -ESRCH also where the number is a thread's by now.
int open_pidfd(pid_t pid);
// pidfd_send_signal(2): 0 or -errno; -ESRCH once the process was reaped.
int pidfd_signal(int pidfd, int signal);

// Has not called execve(2) since it was forked: the kernel's PF_FORKNOEXEC, which a zombie keeps (proc(5), stat, field
// 9).
inline bool never_called_exec(const ProcStat& stat) { return (stat.flags & 0x40) != 0; }

// The whole thread group has ended (it may wait to be reaped).
bool has_ended(int pidfd);
