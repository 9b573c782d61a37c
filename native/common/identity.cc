#include "common/identity.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "common/proc.h"

int identify(pid_t pid, ProcessIdentity* out) {
  ProcStat stat;
  int err = read_proc_stat(pid, &stat);
  if (err < 0) return err;
  out->pid = pid;
  out->start_time_ticks = stat.start_time_ticks;
  return 0;
}

int open_pidfd(pid_t pid) {
  if (pid <= 0) return -ESRCH;
  long fd = syscall(SYS_pidfd_open, pid, 0);  // close-on-exec by itself
  if (fd >= 0) return static_cast<int>(fd);
  // EINVAL, since Linux 6.16 ENOENT: a thread of some process has the number, so no process has it.
  return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
}

int pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 ? -errno : 0;
}

int open_process(const ProcessIdentity& who, UniqueFd* pidfd) {
  UniqueFd fd(open_pidfd(who.pid));
  if (!fd.valid()) return fd.get();
  ProcStat stat;
  int err = read_proc_stat(who.pid, &stat);
  if (err < 0) return err;
  if (stat.start_time_ticks != who.start_time_ticks) return -ESRCH;
  // Signal 0 last: if the pidfd's process is not reaped by now, then it held the pid while its stat was read.
  if (pidfd_signal(fd.get(), 0) == -ESRCH) return -ESRCH;
  *pidfd = static_cast<UniqueFd&&>(fd);
  return 0;
}

bool has_ended(int pidfd) {
  struct pollfd wait = {pidfd, POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}
