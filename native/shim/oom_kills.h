// How many processes of a container the kernel's OOM killer has killed: the line `oom_kill` of its memory cgroup, v1's
// memory.oom_control or v2's memory.events. The shim alone is sure to be there at the end, when the cgroup still
// exists.
#pragma once

#include <limits.h>
#include <sys/types.h>

#include <cstdint>

#include "common/text.h"
#include "common/unique_fd.h"

class OomKills {
 public:
  // Reads which cgroup is the shim's own.
  void prepare();

  // Opens the counter of the cgroup that this process is in. The process must not be reaped yet: a v1 kernel forgets
  // the cgroup of one that has ended. The file stays open, so that a later cgroup of the same name is not read. Nothing
  // is counted if that is the shim's own cgroup: its kills may be of other processes. 0 or -errno.
  int open(pid_t pid);

  // The number of kills since the cgroup was made; -1 if it is not known.
  int64_t count() const;

 private:
  Text<PATH_MAX> own_;  // the shim's cgroup, from the root of the hierarchy; empty if it is not known
  UniqueFd fd_;
};
