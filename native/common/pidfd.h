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

// True if the whole thread group has ended. It may still be a zombie.
bool has_ended(int pidfd);
