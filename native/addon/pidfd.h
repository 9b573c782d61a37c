// Waiting for one child through its pidfd (waitid(2) with P_PIDFD, Linux 5.4): never "any child", so that nobody
// else's children are taken.
#pragma once

#include <sys/resource.h>

#include "addon/napi.h"

struct ChildExit {
  int code;    // CLD_EXITED, CLD_KILLED or CLD_DUMPED
  int status;  // the exit code, or the number of the signal
  struct rusage usage;
};

// Reaps the child if it has ended: 1 and *exit filled; 0 while it runs; -errno (ECHILD: not our child, or reaped).
int reap_pidfd(int pidfd, ChildExit* exit);

// Signals the process that a pidfd stands for (pidfd_send_signal(2), Linux 5.1): 0 or -errno.
int signal_pidfd(int pidfd, int signal);

// How a ChildExit crosses into JavaScript: code, status, then the 16 fields of struct rusage (times in microseconds).
constexpr size_t kChildExitFields = 18;
void child_exit_fields(const ChildExit& exit, double fields[kChildExitFields]);
