// Waiting for one child through its pidfd (waitid(2) with P_PIDFD, Linux 5.4). Never for "any child", so that no child
// of another owner is reaped.
#pragma once

#include <sys/resource.h>

#include "addon/napi.h"

struct ChildExit {
  int code;    // CLD_EXITED, CLD_KILLED or CLD_DUMPED
  int status;  // the exit code, or the signal's number
  struct rusage usage;
};

// Reaps the child if it has ended: 1, and *exit is filled. 0 if it still runs. -errno (ECHILD: not our child, or
// already reaped).
int reap_pidfd(int pidfd, ChildExit* exit);

// Whether it is a child of this process, running or not reaped yet: 1 or 0. -errno (EBADF, EINVAL). Reaps nothing.
int is_child(int pidfd);

// A ChildExit as JavaScript gets it: code, status, then the 16 fields of struct rusage (times in microseconds).
constexpr size_t kChildExitFields = 18;
void child_exit_fields(const ChildExit& exit, double fields[kChildExitFields]);
