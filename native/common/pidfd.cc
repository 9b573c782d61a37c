// Raw system calls: the C library has wrappers only from glibc 2.36 on.
#include "common/pidfd.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "common/syscalls.h"

int open_pidfd(pid_t pid) {
  long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

int open_process_pidfd(pid_t pid) {
  if (pid <= 0) return -ESRCH;
  int fd = open_pidfd(pid);
  // EINVAL, since Linux 6.16 ENOENT: the number is the id of a thread that is no group leader.
  return fd == -EINVAL || fd == -ENOENT ? -ESRCH : fd;
}

namespace {

constexpr unsigned kSignalProcessGroup = 1u << 2;

int send_signal(int pidfd, int signal, unsigned flags) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, flags) < 0 ? -errno : 0;
}

}  // namespace

int signal_pidfd(int pidfd, int signal) { return send_signal(pidfd, signal, 0); }

int signal_group_of_pidfd(int pidfd, int signal) { return send_signal(pidfd, signal, kSignalProcessGroup); }

int poll_pidfd(int pidfd) {
  struct pollfd wait = {pidfd, POLLIN, 0};
  int ready = poll(&wait, 1, 0);
  if (ready < 0) return -errno;
  return (wait.revents & POLLNVAL) != 0 ? -EBADF : ready;
}
