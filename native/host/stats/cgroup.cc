// The cgroup's files. Which file means what: cgroup-v2.rst.
#include "common/files.h"
#include "host/stats/stats.h"

namespace {

constexpr size_t kMaxFile = 1u << 20;
constexpr char kNoLimit[] = "18446744073709551615";

std::string_view first_line(std::string_view text) { return take_until(&text, '\n'); }

// The number in a file; kUnknown if there is no such file, or if it says "max".
int64_t read_number(int cgroup_fd, const char* name) {
  FileBytes text;
  int64_t number = Stats::kUnknown;
  if (read_file(cgroup_fd, name, kMaxFile, &text) < 0) return number;
  return parse_int(first_line(text.view()), &number) && number >= 0 ? number : Stats::kUnknown;
}

int64_t number_of(std::string_view text, std::string_view key) {
  int64_t number = 0;
  return find_number(text, key, &number) && number >= 0 ? number : Stats::kUnknown;
}

int64_t us_to_ns(int64_t us) {
  int64_t ns = 0;
  return us < 0 || __builtin_mul_overflow(us, 1000, &ns) ? Stats::kUnknown : ns;
}

void read_limit(int cgroup_fd, const char* name, int64_t more_bytes, TextBuilder& out) {
  FileBytes text;
  if (read_file(cgroup_fd, name, kMaxFile, &text) < 0) return;
  std::string_view line = first_line(text.view());
  int64_t limit = 0;
  if (line == "max") {
    out.add(kNoLimit);
  } else if (parse_int(line, &limit) && limit >= 0 && !__builtin_add_overflow(limit, more_bytes, &limit)) {
    out.add_int(limit);
  }
}

void add_cpu(int cgroup_fd, Stats* stats) {
  FileBytes text;
  if (read_file(cgroup_fd, "cpu.stat", kMaxFile, &text) < 0) return;
  stats->total_ns = us_to_ns(number_of(text.view(), "usage_usec"));
  stats->user_ns = us_to_ns(number_of(text.view(), "user_usec"));
  stats->kernel_ns = us_to_ns(number_of(text.view(), "system_usec"));
  stats->periods = number_of(text.view(), "nr_periods");
  stats->throttled_periods = number_of(text.view(), "nr_throttled");
  stats->throttled_ns = us_to_ns(number_of(text.view(), "throttled_usec"));
}

// Swap as runc prints it: memory and swap together, for both the usage and the limit.
void add_memory(int cgroup_fd, Stats* stats) {
  stats->memory_bytes = read_number(cgroup_fd, "memory.current");
  if (stats->memory_bytes < 0) return;
  stats->peak_memory_bytes = read_number(cgroup_fd, "memory.peak");
  read_limit(cgroup_fd, "memory.max", 0, stats->memory_limit);
  (void)read_file(cgroup_fd, "memory.stat", kMaxFile, &stats->memory_stat);
  stats->cache_bytes = number_of(stats->memory_stat.view(), "file");
  int64_t swap_bytes = read_number(cgroup_fd, "memory.swap.current");
  if (swap_bytes < 0 || __builtin_add_overflow(stats->memory_bytes, swap_bytes, &stats->swap_bytes)) return;
  int64_t memory_limit = 0;
  bool limited = parse_int(stats->memory_limit.view(), &memory_limit);
  read_limit(cgroup_fd, "memory.swap.max", limited ? memory_limit : 0, stats->swap_limit);
  if (!limited && stats->swap_limit.size() > 0) {
    stats->swap_limit.clear();
    stats->swap_limit.add(kNoLimit);
  }
}

}  // namespace

void add_cgroup_stats(int cgroup_fd, Stats* stats) {
  add_cpu(cgroup_fd, stats);
  add_memory(cgroup_fd, stats);
  stats->tasks = read_number(cgroup_fd, "pids.current");
  if (stats->tasks >= 0) stats->max_tasks = read_number(cgroup_fd, "pids.max");
  (void)read_file(cgroup_fd, "io.stat", kMaxFile, &stats->io_stat);
}
