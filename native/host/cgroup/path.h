// Where in the file system a process's cgroup v2 is: /proc/<pid>/cgroup and the mount of cgroup2, put together
// (cgroups(7), proc(5) mountinfo). Hybrid systems, where cgroup2 is mounted beside v1, work like any other.
#pragma once

#include <sys/types.h>

#include "common/text.h"

// The caller's own: 0, or -errno where cgroup2 is not mounted or our part of it is not visible.
int find_own_cgroup(TextBuilder& path);
// Another process's.
int find_cgroup_of(pid_t pid, TextBuilder& path);
