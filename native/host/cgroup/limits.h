// Sets the limits of a container's cgroup: before its first process is in it, and by `update`.
#pragma once

#include "common/unique_fd.h"
#include "host/bundle/limits.h"
#include "host/reason.h"

// Makes the container's cgroup where it can have these limits, and sets them. False with the reason; then no cgroup is
// left.
bool create_limited_cgroup(int container_fd, const char* id, const Limits& limits, UniqueFd* cgroup_fd, Reason& error);

// Changes the limits of the container's cgroup. False with the reason: then none is changed if a file is missing or the
// right to it; else those before the one that the kernel refused.
bool change_limits(int container_fd, const Limits& limits, Reason& error);
