#include <fcntl.h>
#include <unistd.h>

#include "common/files.h"
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

bool read_of(pid_t pid, const char* name, FileBytes* out) {
  Text<64> path;
  path.add("/proc/").add_int(pid).add('/').add(name);
  return read_file(AT_FDCWD, path.c_str(), kMaxFile, out) == 0;
}

// The word at *at, and *at behind it.
std::string_view next_word(std::string_view text, size_t* at) {
  while (*at < text.size() && (text[*at] == ' ' || text[*at] == '\n')) ++*at;
  size_t start = *at;
  while (*at < text.size() && text[*at] != ' ' && text[*at] != '\n') ++*at;
  return {text.data() + start, *at - start};
}

// The number behind "Pss:" and its like; false when there is none.
bool find_number(std::string_view text, std::string_view key, int64_t* out) {
  for (size_t at = 0; at < text.size();) {
    if (next_word(text, &at) == key) return parse_int(next_word(text, &at), out);
  }
  return false;
}

// stat's fields 14 to 17 are utime, stime, cutime and cstime, 20 is num_threads.
bool add_stat(std::string_view text, Usage* usage) {
  size_t at = text.rfind(')');
  if (at == std::string_view::npos) return false;
  at++;
  for (int field = 3; field <= 20; field++) {
    std::string_view word = next_word(text, &at);
    int64_t number = 0;
    bool wanted = (field >= 14 && field <= 17) || field == 20;
    if (!wanted) continue;
    if (!parse_int(word, &number)) return false;
    if (field == 14 || field == 16) usage->user_ticks += number;
    if (field == 15 || field == 17) usage->kernel_ticks += number;
    if (field == 20) usage->tasks += number;
  }
  return true;
}

int64_t memory_of(pid_t pid) {
  FileBytes text;
  int64_t number = 0;
  if (read_of(pid, "smaps_rollup", &text) && find_number(text.view(), "Pss:", &number)) return number * 1024;
  size_t at = 0;
  if (!read_of(pid, "statm", &text)) return 0;
  (void)next_word(text.view(), &at);
  return parse_int(next_word(text.view(), &at), &number) ? number * sysconf(_SC_PAGESIZE) : 0;
}

void add_io(pid_t pid, Usage* usage) {
  FileBytes text;
  int64_t read = 0, written = 0;
  bool known = read_of(pid, "io", &text) && find_number(text.view(), "read_bytes:", &read) &&
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
    FileBytes text;
    if (member.adopter || !read_of(member.who.pid, "stat", &text)) continue;
    // Its pid is not somebody else's while it has not ended.
    Usage with = usage;
    if (!add_stat(text.view(), &with)) continue;
    if (stats->memory_bytes < 0) with.memory_bytes += memory_of(member.who.pid);
    if (io_wanted) add_io(member.who.pid, &with);
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
