// Ends a container: kills every process that belongs to it and still runs, and no other.
#pragma once

#include "host/state/state.h"

// `state` may be nullptr, for a half made container: then only its cgroup is known. Takes at most ten seconds; false
// with the remaining pids in the error. Removes the cgroup too.
bool end_container(const ContainerState* state, int container_fd, TextBuilder& error);
