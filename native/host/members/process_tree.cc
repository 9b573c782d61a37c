#include "host/members/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>

#include "common/files.h"
#include "common/pid_directory.h"
#include "common/proc.h"
#include "common/text.h"

namespace {

constexpr size_t kMaxList = 4u << 20;

}  // namespace

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

int ProcessTree::read_all() {
  rows_.clear();
  PidDirectory all("/proc");
  if (!all.valid()) return -errno;
  while (pid_t pid = all.next()) {
    ProcStat stat;
    // One that is gone by now has no children either.
    if (read_proc_stat(pid, &stat) == 0 && !rows_.push({pid, stat.ppid})) return -ENOMEM;
  }
  // Ourselves at least; else /proc is not what we think.
  return rows_.empty() ? -ENOSYS : 0;
}

int ProcessTree::children_of(pid_t pid, HeapArray<pid_t>* out) const {
  for (const Row& row : rows_) {
    if (row.parent == pid && !out->push(row.pid)) return -ENOMEM;
  }
  // Both: each can miss what the other sees, /proc a process whose number was passed when it was born (they wrap).
  int err = add_children_file(pid, out);
  return err == -ENOSYS && !rows_.empty() ? 0 : err;
}

int ProcessTree::add_children_file(pid_t pid, HeapArray<pid_t>* out) const {
  Text<64> path;
  path.add("/proc/").add_int(pid).add("/task");
  PidDirectory threads(path.c_str());
  if (!threads.valid()) return errno == ENOENT ? 0 : -errno;
  while (pid_t thread = threads.next()) {
    path.clear();
    path.add("/proc/").add_int(pid).add("/task/").add_int(thread).add("/children");
    FileBytes text;
    int err = read_file(AT_FDCWD, path.c_str(), kMaxList, &text);
    if (err == -ENOENT) {
      // The thread ended meanwhile, or the kernel has no such files.
      ProcStat stat;
      if (read_proc_stat(pid, &stat) == 0) return -ENOSYS;
      return 0;
    }
    if (err == 0) err = add_pids(text.view(), out);
    if (err < 0 && err != -ESRCH) return err;
  }
  return 0;
}
