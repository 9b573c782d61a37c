// Which processes are in the container's cgroup: the path of a process's cgroup from the root of the hierarchy
// (/proc/<pid>/cgroup, cgroups(7)) is compared with the container's, which is found in the mounts once.
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "common/text.h"

class CgroupMembership {
 public:
  explicit CgroupMembership(int container_fd) : container_fd_(container_fd) {}

  // 1 if the process is in it now or in a cgroup below; 0 if not; or -errno, -ENOENT if there is no cgroup, or if the
  // process or its cgroup is not to be seen.
  int contains(pid_t pid);

 private:
  int find_path();

  int container_fd_;
  Text<PATH_MAX> path_;  // empty until it is found
};
