// The container's own cgroup v2, if the kernel and systemd let us make one below ours: no descendant can leave it, and
// one write kills all (cgroups(7), "cgroup.kill"). Sets no limits (limits.h) and isolates nothing. Its path is the
// target of the link `cgroup` in the container's directory; the link is made before the cgroup.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/heap_array.h"
#include "common/text.h"
#include "common/unique_fd.h"

// Makes the cgroup and opens its directory: 0, or -errno if that is impossible; then nothing is left.
int create_cgroup(int container_fd, const char* id, UniqueFd* cgroup_fd);
// The same below another cgroup than ours.
int create_cgroup_below(const char* parent, int container_fd, const char* id, UniqueFd* cgroup_fd);

// Opens the container's cgroup: 0, or -ENOENT if it has none (any more).
int open_cgroup(int container_fd, UniqueFd* cgroup_fd);

// The path of the container's cgroup: 0 or -errno, -ENOENT if it has none.
int find_cgroup_directory(int container_fd, TextBuilder& path);

// The path of the cgroup that the container's is below: 0 or -errno, -ENOENT if it has none.
int find_parent_cgroup(int container_fd, TextBuilder& path);

// Whether controllers are enabled in it, so that a process in it may have limits.
bool has_controllers(int cgroup_fd);

// Moves a process into it: 0 or -errno.
int enter_cgroup(int cgroup_fd, pid_t pid);

// Appends every process in it and in the cgroups below: 0 or -errno.
int list_cgroup(int cgroup_fd, HeapArray<pid_t>* pids);

// Sends SIGKILL to all at once and waits until the cgroup is empty: 0; -ENOENT if the kernel cannot (before
// Linux 5.14); -ETIMEDOUT.
int kill_cgroup(int cgroup_fd, int64_t deadline_ms);

// Removes it and the cgroups below it: 0 (also if there is none) or -errno.
int remove_cgroup(int container_fd);
