// What a container uses: from its cgroup, as far as that has the controllers; otherwise from its members' files in
// /proc. A value that nobody knows stays kUnknown or empty and is not printed.
#pragma once

#include "common/files.h"
#include "common/text.h"
#include "host/members/member_set.h"

struct Stats {
  static constexpr int64_t kUnknown = -1;

  int64_t user_ns = kUnknown;
  int64_t kernel_ns = kUnknown;
  int64_t total_ns = kUnknown;
  int64_t periods = kUnknown;
  int64_t throttled_periods = kUnknown;
  int64_t throttled_ns = kUnknown;

  int64_t memory_bytes = kUnknown;
  int64_t cache_bytes = kUnknown;
  int64_t peak_memory_bytes = kUnknown;
  int64_t swap_bytes = kUnknown;
  Text<24> memory_limit;  // in bytes; 2^64 - 1 stands for no limit, as runc prints it
  Text<24> swap_limit;

  int64_t tasks = kUnknown;  // threads
  int64_t max_tasks = kUnknown;

  // The sum over all devices.
  int64_t read_bytes = kUnknown;
  int64_t written_bytes = kUnknown;

  FileBytes memory_stat;  // the cgroup's files, unchanged
  FileBytes io_stat;
};

// Fills in what the cgroup knows (the kernel's Documentation/admin-guide/cgroup-v2.rst).
void add_cgroup_stats(int cgroup_fd, Stats* stats);

// Fills in what is still unknown: sums over the running members and the children that they have waited for (proc(5)),
// but not the children that others, such as an adopter, have waited for. Memory is the proportional share (Pss), so
// that shared memory counts once; or the resident set, for a process whose share we may not read.
void add_member_stats(const MemberSet& members, Stats* stats);

// Appends runc's `data` object, without the keys of unknown values.
void add_stats_json(TextBuilder& out, const Stats& stats);
// The largest size of that object.
size_t stats_json_capacity(const Stats& stats);
