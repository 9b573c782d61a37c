// Starts a child process without copying the parent: clone(2) with CLONE_VM and CLONE_VFORK, a pidfd (CLONE_PIDFD,
// Linux 5.2). Plain C++ without Node. Blocks only the calling thread, until the child runs its program or has failed.
#pragma once

#include <sys/types.h>

#include "common/unique_fd.h"

// The call that failed. The child makes them in this order.
enum class SpawnStep : int { Clone, Setsid, Setpgid, Chdir, Exec };

constexpr pid_t kKeepGroup = -1;

struct SpawnRequest {
  const char* const* candidates;  // paths to try as execvp(3) does, NULL-terminated
  char* const* argv;
  char* const* envp;
  const char* cwd;  // nullptr: the parent's
  // They become the child's 0..stdio_count-1. Each one is >= stdio_count, or invalid, which stands for /dev/null.
  const UniqueFd* stdio_fds;
  int stdio_count;
  bool new_session;
  pid_t process_group;  // kKeepGroup; 0 for a new group; or a group's id
  bool detach;          // the child is not ours, but init's or a subreaper's
};

struct SpawnedChild {
  pid_t pid = -1;
  UniqueFd pidfd;
  SpawnStep failed_step = SpawnStep::Clone;
};

// 0, and *child is filled. Otherwise -errno of child->failed_step; then nothing of the child is left, not even a
// zombie. -EINTR: somebody killed the intermediate process of a detached child before it had made the child.
int spawn_child(const SpawnRequest& request, SpawnedChild* child);
