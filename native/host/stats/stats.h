// What a container uses, gathered where it is known: in its cgroup as far as that has the controllers, else from its
// members' files in /proc. What nobody knows stays kUnknown or empty, and is not printed.
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
  Text<24> memory_limit;  // a number of bytes; 2^64 - 1 is none, as runc prints it
  Text<24> swap_limit;

  int64_t tasks = kUnknown;  // threads
  int64_t max_tasks = kUnknown;

  // To and from all devices together.
  int64_t read_bytes = kUnknown;
  int64_t written_bytes = kUnknown;

  FileBytes memory_stat;  // the cgroup's files as they are
  FileBytes io_stat;
};

// Fills in what the cgroup knows (Documentation/admin-guide/cgroup-v2.rst).
void add_cgroup_stats(int cgroup_fd, Stats* stats);

// Fills in what is unknown by then: sums over the members that run, and over the children that they have waited for
// (proc(5)). Children waited for by others, an adopter for one, are not in it. Memory is the proportional share (Pss),
// so that what several share counts once; the resident set of a process whose share may not be read.
void add_member_stats(const MemberSet& members, Stats* stats);

// runc's `data` object, without the keys of what is unknown.
void add_stats_json(TextBuilder& out, const Stats& stats);
// How much room that takes at most.
size_t stats_json_capacity(const Stats& stats);
