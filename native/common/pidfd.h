// pidfds: a descriptor that stands for one process and never for a later one with the same pid (pidfd_open(2)). Does
// not know which process was meant: that is identity.h's.
#pragma once

#include <sys/types.h>

// pidfd_open(2), Linux 5.3: a close-on-exec descriptor or -errno, as the kernel gives it.
int open_pidfd(pid_t pid);

// The same for a number that may by now be a thread's, or no pid at all: then -ESRCH.
int open_process_pidfd(pid_t pid);

// pidfd_send_signal(2), Linux 5.1: 0 or -errno; -ESRCH once the process has been reaped.
int signal_pidfd(int pidfd, int signal);

// The same for every member of the process group that the process leads or led, also if that process has been reaped
// (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9; -EINVAL before it). -ESRCH if the group has no member.
int signal_group_of_pidfd(int pidfd, int signal);

// 1 if the whole thread group has ended (it may still be a zombie), 0 if a thread of it runs, -EBADF. The state in
// /proc/<pid>/stat is no such answer: it says Z as soon as the main thread has ended.
int poll_pidfd(int pidfd);

inline bool has_ended(int pidfd) { return poll_pidfd(pidfd) > 0; }
