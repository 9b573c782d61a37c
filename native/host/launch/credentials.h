// The user of the process: what is already as wanted is not set again, so that a caller without privileges can name
// itself (credentials(7)). Each returns 0 or -errno.
#pragma once

#include "host/bundle/config.h"

// The supplementary groups, exactly the given ones. An unprivileged caller that names none keeps its own: it could not
// drop them.
int set_groups(const ProcessConfig& process);
int set_gid(const ProcessConfig& process);
int set_uid(const ProcessConfig& process);
