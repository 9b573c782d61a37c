// The cgroup v2 freezer: stops every process in the container's cgroup and below, and lets it run again. The processes
// cannot notice it (cgroups(7), "cgroup.freeze").
#pragma once

#include <cstdint>

// 0 once all are frozen (or all are thawed). -ENOENT if the container has no cgroup, or the kernel no freezer (before
// Linux 5.2). -ETIMEDOUT if they do not freeze in time; then they are thawed again.
int freeze_cgroup(int container_fd, int64_t deadline_ms);
int thaw_cgroup(int container_fd, int64_t deadline_ms);

// True if the container has a cgroup and freezing it has been requested.
bool is_frozen(int container_fd);
