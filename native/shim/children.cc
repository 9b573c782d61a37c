#include "shim/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/pid_directory.h"
#include "common/proc.h"

bool is_child(pid_t pid) {
  siginfo_t info;
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int is_descendant(pid_t pid, pid_t ancestor) {
  pid_t at = pid;
  // Bounded: no runtime puts more than a few processes in between.
  for (int step = 0; step < 64 && at > 1; step++) {
    ProcStat stat;
    int err = read_proc_stat(at, &stat);
    if (err == -ESRCH && at != pid) {
      // A process in between has ended, so its children have another parent now: begin again.
      at = pid;
      continue;
    }
    if (err < 0) return err;
    if (stat.ppid == ancestor) return 0;
    at = stat.ppid;
  }
  return -ECHILD;
}

namespace {

// By the kernel's list, or if it has none (it is built without CONFIG_PROC_CHILDREN) by each process's parent.
int list_children(HeapArray<pid_t>* out) {
  FileBytes list;
  if (read_file(AT_FDCWD, "/proc/thread-self/children", 1 << 20, &list) == 0) return add_pids(list.view(), out);
  PidDirectory all("/proc");
  if (!all.valid()) return -errno;
  while (pid_t pid = all.next()) {
    ProcStat stat;
    if (read_proc_stat(pid, &stat) == 0 && stat.ppid == getpid() && !out->push(pid)) return -ENOMEM;
  }
  return 0;
}

}  // namespace

void kill_children() {
  HeapArray<pid_t> pids;
  // Ignore a lack of memory: kill those that were found; the caller calls again until there are none.
  (void)list_children(&pids);
  // All are children that we have not reaped, so none of the pids has been reused.
  for (pid_t pid : pids) kill(pid, SIGKILL);
}
