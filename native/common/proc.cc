#include "common/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/retry.h"
#include "common/text.h"

namespace {

// One read into a fixed buffer: procfs returns such small files whole.
ssize_t read_small(const char* path, char* buffer, size_t capacity) {
  UniqueFd fd(open_fd(AT_FDCWD, path, O_RDONLY));
  if (!fd.valid()) return fd.get();
  return retried([&] { return read(fd.get(), buffer, capacity); });
}

bool set_field(int field, std::string_view word, ProcStat* out) {
  bool is_number = (field >= 4 && field <= 6) || field == 9 || (field >= 14 && field <= 17) || field >= 20;
  int64_t number = 0;
  if (is_number && !parse_int(word, &number)) return false;
  if (field == 3) out->state = word[0];
  if (field == 4) out->ppid = static_cast<pid_t>(number);
  if (field == 5) out->pgrp = static_cast<pid_t>(number);
  if (field == 6) out->session = static_cast<pid_t>(number);
  if (field == 9) out->flags = static_cast<uint64_t>(number);
  if (field == 14 || field == 16) out->user_ticks += number;
  if (field == 15 || field == 17) out->kernel_ticks += number;
  if (field == 20) out->threads = number;
  if (field == 22) out->start_time_ticks = static_cast<uint64_t>(number);
  return true;
}

// A set of signals: 16 hexadecimal digits. All of them if it is anything else.
uint64_t parse_signals(std::string_view text) {
  uint64_t set = 0;
  for (char c : text) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return ~0ull;
    set = set << 4 | static_cast<uint64_t>(digit);
  }
  return set;
}

}  // namespace

bool parse_proc_stat(std::string_view text, ProcStat* out) {
  size_t close = text.rfind(')');
  if (close == std::string_view::npos) return false;
  text.remove_prefix(close + 1);
  *out = ProcStat();
  for (int field = 3; field <= 22; field++) {
    std::string_view word = take_word(&text);
    if (word.empty() || !set_field(field, word, out)) return false;
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

int read_proc_file(pid_t pid, const char* name, size_t max_size, FileBytes* out) {
  Text<64> path;
  path.add("/proc/").add_int(pid).add('/').add(name);
  return read_file(AT_FDCWD, path.c_str(), max_size, out);
}

int add_pids(std::string_view text, HeapArray<pid_t>* out) {
  pid_t pid = 0;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      pid = pid * 10 + (c - '0');
    } else {
      if (pid > 0 && !out->push(pid)) return -ENOMEM;
      pid = 0;
    }
  }
  return 0;
}

int check_proc(uint64_t* ignored_signals) {
  if (ignored_signals != nullptr) *ignored_signals = ~0ull;
  FileBytes status;
  // The line "Groups" before the one that we look for may be long.
  int err = read_file(AT_FDCWD, "/proc/self/status", 1u << 20, &status);
  if (err < 0) return err;
  std::string_view pids;
  for (std::string_view rest = status.view(); !rest.empty();) {
    std::string_view line = take_until(&rest, '\n');
    std::string_view key = take_until(&line, '\t');
    // A kernel without pid namespaces has no NSpid.
    if (key == "Pid:" || key == "NSpid:") pids = line;
    if (key == "SigIgn:" && ignored_signals != nullptr) *ignored_signals = parse_signals(line);
  }
  int64_t pid = 0;
  return parse_int(pids, &pid) && pid == getpid() ? 0 : -EXDEV;
}

int read_boot_id(char out[37]) {
  ssize_t n = read_small("/proc/sys/kernel/random/boot_id", out, 36);
  if (n < 0) return static_cast<int>(n);
  if (n != 36) return -EPROTO;
  out[36] = '\0';
  return 0;
}
