// The end of a container: every process that belongs to it and still runs is ended, none outside is touched.
#pragma once

#include "host/state/state.h"

// `state` may be nullptr (a half made container): then only its cgroup is known. Bounded to ten seconds; false with the
// pids that are left in the error. The cgroup is removed too.
bool end_container(const ContainerState* state, int container_fd, TextBuilder& error);
