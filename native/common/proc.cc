#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "common/files.h"
#include "common/text.h"
#include "common/unique_fd.h"

namespace {

// One read into a fixed buffer: procfs gives such small files whole.
ssize_t read_small(const char* path, char* buffer, size_t capacity) {
  UniqueFd fd(open_fd(AT_FDCWD, path, O_RDONLY));
  if (!fd.valid()) return -errno;
  ssize_t n;
  do n = read(fd.get(), buffer, capacity);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

}  // namespace

bool parse_proc_stat(std::string_view text, ProcStat* out) {
  size_t close = text.rfind(')');
  if (close == std::string_view::npos) return false;
  const char* at = text.data() + close + 1;
  const char* end = text.data() + text.size();
  for (int field = 3; field <= 22; field++) {
    while (at < end && *at == ' ') at++;
    const char* start = at;
    while (at < end && *at != ' ' && *at != '\n') at++;
    std::string_view word(start, static_cast<size_t>(at - start));
    if (word.empty()) return false;
    int64_t number = 0;
    if (field == 3) {
      out->state = word[0];
    } else if (field == 4 || field == 5 || field == 6 || field == 9 || field == 22) {
      if (!parse_int(word, &number)) return false;
      if (field == 4) out->ppid = static_cast<pid_t>(number);
      if (field == 5) out->pgrp = static_cast<pid_t>(number);
      if (field == 6) out->session = static_cast<pid_t>(number);
      if (field == 9) out->flags = static_cast<uint64_t>(number);
      if (field == 22) out->start_time_ticks = static_cast<uint64_t>(number);
    }
  }
  return true;
}

int read_proc_stat(pid_t pid, ProcStat* out) {
  Text<64> path;
  path.add("/proc/").add_int(pid).add("/stat");
  char buffer[1024];
  ssize_t n = read_small(path.c_str(), buffer, sizeof buffer);
  if (n == -ENOENT) return -ESRCH;
  if (n < 0) return static_cast<int>(n);
  return parse_proc_stat({buffer, static_cast<size_t>(n)}, out) ? 0 : -EPROTO;
}

int read_boot_id(char out[37]) {
  ssize_t n = read_small("/proc/sys/kernel/random/boot_id", out, 36);
  if (n < 0) return static_cast<int>(n);
  if (n != 36) return -EPROTO;
  out[36] = '\0';
  return 0;
}
