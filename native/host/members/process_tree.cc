#include "host/members/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>

#include <algorithm>

#include "common/files.h"
#include "common/pid_directory.h"
#include "common/proc.h"
#include "common/text.h"

namespace {

constexpr size_t kMaxList = 4u << 20;

}  // namespace

int ProcessTree::read_all() {
  rows_.clear();
  PidDirectory all("/proc");
  if (!all.valid()) return -errno;
  while (pid_t pid = all.next()) {
    ProcStat stat;
    // A process that is gone by now has no children.
    if (read_proc_stat(pid, &stat) == 0 && !rows_.push({pid, stat.ppid})) return -ENOMEM;
  }
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.parent < b.parent; });
  // At least our own row; otherwise this is no usable /proc.
  return rows_.empty() ? -ENOSYS : 0;
}

int ProcessTree::children_of(pid_t pid, HeapArray<pid_t>* out) const {
  const Row* row =
      std::lower_bound(rows_.begin(), rows_.end(), pid, [](const Row& a, pid_t parent) { return a.parent < parent; });
  for (; row != rows_.end() && row->parent == pid; row++) {
    if (!out->push(row->pid)) return -ENOMEM;
  }
  // Use both, since each can miss a child: a scan of /proc misses a process whose pid it had passed before the process
  // existed (pids wrap around).
  int err = add_children_file(pid, out);
  return err == -ENOSYS && !rows_.empty() ? 0 : err;
}

int ProcessTree::add_children_file(pid_t pid, HeapArray<pid_t>* out) const {
  Text<64> path;
  path.add("/proc/").add_int(pid).add("/task");
  PidDirectory threads(path.c_str());
  // ESRCH: it ended while the kernel looked up the path.
  if (!threads.valid()) return errno == ENOENT || errno == ESRCH ? 0 : -errno;
  while (pid_t thread = threads.next()) {
    path.clear();
    path.add("/proc/").add_int(pid).add("/task/").add_int(thread).add("/children");
    FileBytes text;
    int err = read_file(AT_FDCWD, path.c_str(), kMaxList, &text);
    if (err == -ENOENT) {
      // The thread has ended meanwhile, or the kernel has no such files.
      ProcStat stat;
      if (read_proc_stat(pid, &stat) == 0) return -ENOSYS;
      return 0;
    }
    if (err == 0) err = add_pids(text.view(), out);
    if (err < 0 && err != -ESRCH) return err;
  }
  return 0;
}
