// The user and groups of the process. What is already as wanted is not set again, so that an unprivileged caller can
// name its own ids (credentials(7)). Each function returns 0 or -errno.
#pragma once

#include "host/bundle/config.h"

// Sets exactly the given supplementary groups. An unprivileged caller that names none keeps its own, since it may not
// drop them.
int set_groups(const ProcessConfig& process);
int set_gid(const ProcessConfig& process);
int set_uid(const ProcessConfig& process);
