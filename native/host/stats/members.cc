// The members' files in /proc (proc(5)).
#include <unistd.h>

#include "common/pidfd.h"
#include "common/proc.h"
#include "host/stats/stats.h"

namespace {

constexpr size_t kMaxFile = 64u << 10;
constexpr int64_t kNsPerSecond = 1000000000;

struct Usage {
  int64_t user_ticks = 0;
  int64_t kernel_ticks = 0;
  int64_t memory_bytes = 0;
  int64_t tasks = 0;
  int64_t read_bytes = 0;
  int64_t written_bytes = 0;
  bool io_known = true;
};

void add_stat(const ProcStat& stat, Usage* usage) {
  usage->user_ticks += stat.user_ticks;
  usage->kernel_ticks += stat.kernel_ticks;
  usage->tasks += stat.threads;
}

int64_t memory_of(pid_t pid) {
  FileBytes text;
  int64_t number = 0;
  bool has_share = read_proc_file(pid, "smaps_rollup", kMaxFile, &text) == 0;
  if (has_share && find_number(text.view(), "Pss:", &number)) return number * 1024;
  if (read_proc_file(pid, "statm", kMaxFile, &text) < 0) return 0;
  // The second number is the resident set, in pages.
  std::string_view rest = text.view();
  (void)take_word(&rest);
  return parse_int(take_word(&rest), &number) ? number * sysconf(_SC_PAGESIZE) : 0;
}

void add_io(pid_t pid, Usage* usage) {
  FileBytes text;
  int64_t read = 0, written = 0;
  bool known = read_proc_file(pid, "io", kMaxFile, &text) == 0 && find_number(text.view(), "read_bytes:", &read) &&
               find_number(text.view(), "write_bytes:", &written);
  usage->io_known = usage->io_known && known;
  usage->read_bytes += read;
  usage->written_bytes += written;
}

int64_t ticks_to_ns(int64_t ticks) { return ticks * (kNsPerSecond / sysconf(_SC_CLK_TCK)); }

}  // namespace

void add_member_stats(const MemberSet& members, Stats* stats) {
  Usage usage;
  bool io_wanted = stats->io_stat.size() == 0;
  for (const MemberSet::Member& member : members.known()) {
    ProcStat stat;
    if (member.adopter || read_proc_stat(member.who.pid, &stat) < 0) continue;
    Usage with = usage;
    add_stat(stat, &with);
    if (stats->memory_bytes < 0) with.memory_bytes += memory_of(member.who.pid);
    if (io_wanted) add_io(member.who.pid, &with);
    // Only if the process has not ended by now, what was read is its own and not that of a later process with its pid.
    if (!has_ended(member.pidfd)) usage = with;
  }
  if (stats->total_ns < 0) {
    stats->user_ns = ticks_to_ns(usage.user_ticks);
    stats->kernel_ns = ticks_to_ns(usage.kernel_ticks);
    stats->total_ns = stats->user_ns + stats->kernel_ns;
  }
  if (stats->memory_bytes < 0) stats->memory_bytes = usage.memory_bytes;
  if (stats->tasks < 0) stats->tasks = usage.tasks;
  if (!io_wanted || !usage.io_known) return;
  stats->read_bytes = usage.read_bytes;
  stats->written_bytes = usage.written_bytes;
}
