// The identity of a process: pid and start time. A pid may be reused; within one boot, pid and start time together are
// not. Whoever compares identities from different times compares the boot ids too (proc.h).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/text.h"
#include "common/unique_fd.h"

struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time_ticks = 0;  // clock ticks since boot
};

inline bool operator==(const ProcessIdentity& a, const ProcessIdentity& b) {
  return a.pid == b.pid && a.start_time_ticks == b.start_time_ticks;
}

// Reads the identity of the process that has this pid now: 0 or -errno.
int identify(pid_t pid, ProcessIdentity* out);

// A pidfd of exactly this process, which may be a zombie: 0, or -ESRCH if it has been reaped, or another -errno.
int open_process(const ProcessIdentity& who, UniqueFd* pidfd);

// Appends the JSON members "pid" and "startTimeTicks", without braces.
void add_identity_members(TextBuilder& out, const ProcessIdentity& who);
