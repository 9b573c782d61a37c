// cgroup.events: what the kernel says of a cgroup and all below it, and when that changes (cgroups(7)).
#pragma once

#include <cstdint>

// Whether a line, "populated 1" for one, stands there now: 1, 0 or -errno. Reading it again arms poll(2) for the next
// change.
int has_event(int events_fd, const char* line);

// Waits until it does: 0, -ETIMEDOUT or another -errno.
int wait_for_event(int events_fd, const char* line, int64_t deadline_ms);
