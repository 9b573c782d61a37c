#include "shim/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/files.h"
#include "common/proc.h"
#include "common/text.h"

bool is_child(pid_t pid) {
  siginfo_t info;
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int is_descendant(pid_t pid, pid_t ancestor) {
  pid_t at = pid;
  // No runtime puts more than a few processes in between.
  for (int step = 0; step < 64 && at > 1; step++) {
    ProcStat stat;
    int err = read_proc_stat(at, &stat);
    if (err == -ESRCH && at != pid) {
      // One in between ended while we climbed, so the ones below it have another parent now.
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
  // proc(5): pids, each followed by a space. All are unreaped children, so none is another's by now.
  if (read_file(AT_FDCWD, "/proc/thread-self/children", 1 << 20, &list) < 0) return;
  const char* at = list.view().data();
  const char* end = at + list.size();
  while (at < end) {
    const char* start = at;
    while (at < end && *at != ' ') at++;
    int64_t pid = 0;
    if (parse_int({start, static_cast<size_t>(at - start)}, &pid) && pid > 1) kill(static_cast<pid_t>(pid), SIGKILL);
    at++;
  }
}
