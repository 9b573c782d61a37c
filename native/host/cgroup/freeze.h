// The cgroup v2 freezer: everything in the container's cgroup and below stops where it is, and goes on, unseen by the
// processes themselves (cgroups(7), "cgroup.freeze").
#pragma once

#include <cstdint>

// 0 when all are frozen (or all thawed); -ENOENT where the container has no cgroup or the kernel (before 5.2) no
// freezer; -ETIMEDOUT when they do not freeze: then they are being thawed again.
int freeze_cgroup(int container_fd, int64_t deadline_ms);
int thaw_cgroup(int container_fd, int64_t deadline_ms);

// The container has a cgroup, and it is frozen or about to be.
bool is_frozen(int container_fd);
