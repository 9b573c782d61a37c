// Where a process's cgroup is in the file system: /proc/<pid>/cgroup and the mount of its hierarchy, put together
// (cgroups(7), proc(5) mountinfo). Also on hybrid systems, where cgroup2 is mounted beside v1.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "common/text.h"

// Where the cgroup `own`, a path from the root of the hierarchy, is in the mounts of a text of /proc/<pid>/mountinfo:
// of v1's hierarchy with this controller, of v2's for "". 0, -ENOENT if no mount has it, or -ENAMETOOLONG.
int find_in_mounts(std::string_view mountinfo, std::string_view own, std::string_view controller, TextBuilder& path);

// The caller's cgroup v2: 0, or -errno if cgroup2 is not mounted or our part of it is not visible.
int find_own_cgroup(TextBuilder& path);
// Another process's cgroup v2: the same.
int find_cgroup_of(pid_t pid, TextBuilder& path);
// The cgroup that accounts another process's memory: v1's if the memory controller is there, else v2's. Returns the
// version, or -errno; -ENOENT also if it is the caller's own cgroup, or the root of the hierarchy.
int find_other_memory_cgroup(pid_t pid, TextBuilder& path);
