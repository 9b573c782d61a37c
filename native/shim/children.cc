#include "shim/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

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

void kill_children() {
  FileBytes list;
  HeapArray<pid_t> pids;
  if (read_file(AT_FDCWD, "/proc/thread-self/children", 1 << 20, &list) < 0) return;
  if (add_pids(list.view(), &pids) < 0) return;
  // All are children that we have not reaped, so none of the pids has been reused.
  for (pid_t pid : pids) kill(pid, SIGKILL);
}
