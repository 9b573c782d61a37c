// cgroup.events: the kernel's report on a cgroup and all below it, and the wait for a change (cgroups(7)).
#pragma once

#include <cstdint>

// 1 if the file contains this line now, for example "populated 1"; 0 if not; or -errno. Each read arms poll(2) for the
// next change.
int has_event(int events_fd, const char* line);

// Waits until it contains the line: 0, -ETIMEDOUT or another -errno.
int wait_for_event(int events_fd, const char* line, int64_t deadline_ms);
