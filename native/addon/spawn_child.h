// A child process without copying the parent: clone(2) with CLONE_VM and CLONE_VFORK, a pidfd (CLONE_PIDFD, Linux 5.2),
// close_range(2) (Linux 5.9). Plain C++, no Node in it. It blocks the calling thread, and only that, until the child
// runs its program or failed to.
#pragma once

#include <sys/types.h>

#include "common/unique_fd.h"

// The call that failed; in this order the child makes them.
enum class SpawnStep : int { Clone, Setsid, Setpgid, Chdir, Exec };

constexpr pid_t kKeepGroup = -1;

struct SpawnRequest {
  const char* const* candidates;  // paths to try as execvp(3) does, NULL-terminated
  char* const* argv;
  char* const* envp;
  const char* cwd;            // nullptr: the parent's
  const UniqueFd* stdio_fds;  // become the child's 0..stdio_count-1; every one is itself >= stdio_count
  int stdio_count;
  bool new_session;
  pid_t process_group;  // kKeepGroup, 0 for one of its own, or a group's id
};

struct SpawnedChild {
  pid_t pid = -1;
  UniqueFd pidfd;
  SpawnStep failed_step = SpawnStep::Clone;
};

// 0 and *child filled, or -errno of child->failed_step; then nothing of the child is left, not even a zombie.
int spawn_child(const SpawnRequest& request, SpawnedChild* child);
