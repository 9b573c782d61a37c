#include "host/launch/clone.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/vfork.h"

namespace {

constexpr uint64_t kIntoCgroup = 0x200000000;

CloneArguments arguments_into(int cgroup_fd) {
  CloneArguments arguments = {};
  arguments.flags = kIntoCgroup;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
  return arguments;
}

}  // namespace

pid_t fork_into(int cgroup_fd, bool* entered) {
  *entered = false;
  if (cgroup_fd >= 0) {
    CloneArguments arguments = arguments_into(cgroup_fd);
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    *entered = pid >= 0;
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
  // The kernel is too old, a seccomp filter refuses clone3, or the cgroup accepts no process.
  return fork();
}

pid_t vfork_into(int cgroup_fd, bool* entered, void (*child)(void*), void* context) {
  if (cgroup_fd >= 0) {
    *entered = true;
    pid_t pid = vfork_call(arguments_into(cgroup_fd), child, context);
    if (pid >= 0) return pid;
  }
  *entered = false;
  // As in fork_into().
  pid_t pid = vfork_call(child, context);
  if (pid >= 0) return pid;
  errno = -pid;
  return -1;
}
