// Where a process's cgroup v2 is in the file system: /proc/<pid>/cgroup and the mount of cgroup2, put together
// (cgroups(7), proc(5) mountinfo). Also on hybrid systems, where cgroup2 is mounted beside v1.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "common/text.h"

// Where the cgroup v2 `own`, a path from the hierarchy's root, is in the mounts of a text of /proc/<pid>/mountinfo: 0,
// -ENOENT if no mount has it, or -ENAMETOOLONG.
int find_in_mounts(std::string_view mountinfo, std::string_view own, TextBuilder& path);
// The caller's cgroup: 0, or -errno if cgroup2 is not mounted or our part of it is not visible.
int find_own_cgroup(TextBuilder& path);
// Another process's cgroup: the same.
int find_cgroup_of(pid_t pid, TextBuilder& path);
