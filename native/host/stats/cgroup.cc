#include <cstring>

#include "common/files.h"
#include "host/stats/stats.h"

namespace {

constexpr size_t kMaxFile = 1u << 20;
constexpr char kNoLimit[] = "18446744073709551615";

std::string_view first_line(std::string_view text) {
  size_t end = text.find('\n');
  return end == std::string_view::npos ? text : std::string_view(text.data(), end);
}

// A file that holds one number: it, or kUnknown where there is no such file or it says "max".
int64_t read_number(int cgroup_fd, const char* name) {
  FileBytes text;
  int64_t number = Stats::kUnknown;
  if (read_file(cgroup_fd, name, kMaxFile, &text) < 0) return number;
  return parse_int(first_line(text.view()), &number) && number >= 0 ? number : Stats::kUnknown;
}

// The number after `key` and a space at the start of a line.
int64_t find_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = first_line(text);
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    int64_t number = 0;
    if (line.size() <= key.size() || std::string_view(line.data(), key.size()) != key) continue;
    if (line[key.size()] != ' ') continue;
    line.remove_prefix(key.size() + 1);
    if (parse_int(line, &number) && number >= 0) return number;
  }
  return Stats::kUnknown;
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
  stats->total_ns = us_to_ns(find_number(text.view(), "usage_usec"));
  stats->user_ns = us_to_ns(find_number(text.view(), "user_usec"));
  stats->kernel_ns = us_to_ns(find_number(text.view(), "system_usec"));
  stats->periods = find_number(text.view(), "nr_periods");
  stats->throttled_periods = find_number(text.view(), "nr_throttled");
  stats->throttled_ns = us_to_ns(find_number(text.view(), "throttled_usec"));
}

// Swap as runc tells it: memory and swap together, both the use and the limit.
void add_memory(int cgroup_fd, Stats* stats) {
  stats->memory_bytes = read_number(cgroup_fd, "memory.current");
  if (stats->memory_bytes < 0) return;
  stats->peak_memory_bytes = read_number(cgroup_fd, "memory.peak");
  read_limit(cgroup_fd, "memory.max", 0, stats->memory_limit);
  (void)read_file(cgroup_fd, "memory.stat", kMaxFile, &stats->memory_stat);
  stats->cache_bytes = find_number(stats->memory_stat.view(), "file");
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
