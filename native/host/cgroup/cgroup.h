// A cgroup v2 of the container's own, where the system lets us make one below ours: then no descendant gets away, and
// one write ends them all (cgroups(7), "cgroup.kill"). Sets no limit and isolates nothing. Its path is the target of
// the link `cgroup` in the container's directory, written before the cgroup is made.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/heap_array.h"
#include "common/text.h"
#include "common/unique_fd.h"

// Makes it: its directory's descriptor in *cgroup_fd, or -errno where there can be none; nothing is left then.
int create_cgroup(int container_fd, const char* id, UniqueFd* cgroup_fd);

// Opens the container's: 0, or -ENOENT when it has none (any more).
int open_cgroup(int container_fd, UniqueFd* cgroup_fd);

// Moves a process that waits to be let go: 0 or -errno.
int enter_cgroup(int cgroup_fd, pid_t pid);

// Every process in it and in the cgroups below.
int list_cgroup(int cgroup_fd, HeapArray<pid_t>* pids);

// Whether the process is in it now, or below: 1, 0 or -errno.
int is_in_cgroup(int container_fd, pid_t pid);

// SIGKILL to all at once: 0; -ENOENT where the kernel (before 5.14) cannot; then waits until it is empty: -ETIMEDOUT.
int kill_cgroup(int cgroup_fd, int64_t deadline_ms);

// Removes it and the cgroups that were made below it: 0 (also when there is none) or -errno.
int remove_cgroup(int container_fd);
