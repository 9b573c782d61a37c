// Where a process's cgroup is in the file system: /proc/<pid>/cgroup and the mount of its hierarchy, put together
// (cgroups(7), proc(5) mountinfo). Also on hybrid systems, where cgroup2 is mounted beside v1.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "common/mounts.h"
#include "common/text.h"

// Where the cgroup `own`, a path from the root of the hierarchy, is in these mounts: of v1's hierarchy with this
// controller, of v2's for "". 0, -ENOENT if no mount has it, -ENAMETOOLONG, or another -errno.
int find_in_mounts(MountReader& mounts, std::string_view own, std::string_view controller, TextBuilder& path);

// The other way round: the path from the root of the hierarchy that a directory has in the mount with this id (the
// field `mnt_id` in /proc/<pid>/fdinfo). The same results.
int find_in_hierarchy(MountReader& mounts, std::string_view mount_id, std::string_view directory, TextBuilder& own);

// The path of a process's cgroup v2 from the root of the hierarchy: 0 or -errno, -ENOENT if it is not visible to us.
int read_cgroup_path(pid_t pid, TextBuilder& own);

// The caller's cgroup v2: 0, or -errno if cgroup2 is not mounted or our part of it is not visible.
int find_own_cgroup(TextBuilder& path);

// The path of the cgroup that accounts a process's memory, from the root of its hierarchy: v1's if the memory
// controller is there, else v2's. Returns the version, or -errno.
int read_memory_cgroup_path(pid_t pid, TextBuilder& own);
// Where that cgroup is. -ENOENT also if its path is `ours`, or the root of the hierarchy.
int find_other_memory_cgroup(pid_t pid, std::string_view ours, TextBuilder& path);
