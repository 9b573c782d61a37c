#include "host/launch/launch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/proc.h"
#include "common/retry.h"
#include "host/cgroup/cgroup.h"
#include "host/launch/child.h"
#include "host/launch/failure.h"

namespace {

// clone(2)'s struct clone_args as of Linux 5.7; older headers lack its last member.
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
constexpr uint64_t kCloneIntoCgroup = 0x200000000;

// Like fork(2), but the child starts inside the cgroup, if there is one, so that it never runs outside. *entered: it
// does.
pid_t fork_into(int cgroup_fd, bool* entered) {
  CloneArguments arguments = {};
  arguments.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    arguments.flags = kCloneIntoCgroup;
    arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    *entered = pid >= 0;
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
  // The kernel is too old, a seccomp filter refuses clone3, or the cgroup accepts no process.
  return fork();
}

bool ended_before_exec(pid_t pid) {
  siginfo_t info = {};
  ProcStat stat;
  // WNOWAIT: leave the status to the process that adopts the child.
  int err = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  return err == 0 && info.si_pid == pid && read_proc_stat(pid, &stat) == 0 && never_called_exec(stat);
}

}  // namespace

void Launched::end() {
  if (pid_ < 0) return;
  // It is our child and not reaped, so the pid is still its own.
  kill(pid_, SIGKILL);
  (void)retried([&] { return waitpid(pid_, nullptr, 0); });
  pid_ = -1;
}

bool Launched::start(const ProcessConfig& process, int terminal_fd, int start_fd, int cgroup_fd, TextBuilder& error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    add_reason(error.add("cannot make a socket pair: "), errno);
    return false;
  }
  // If SIGCHLD were inherited as ignored, the kernel would drop the status of a child that ends while it is ours.
  signal(SIGCHLD, SIG_DFL);
  channel_fd_.reset(ends[0]);
  UniqueFd child_end(ends[1]);
  bool entered = false;
  pid_t pid = fork_into(cgroup_fd, &entered);
  if (pid < 0) {
    add_reason(error.add("cannot make a process: "), errno);
    return false;
  }
  if (pid == 0) {
    // The child must not hold our end too, or it would never see that end close.
    channel_fd_.reset();
    run_child(process, terminal_fd, start_fd, child_end.release());
  }
  pid_ = pid;
  // It waits at the gate, so it has no descendants yet.
  int err = cgroup_fd >= 0 && !entered ? enter_cgroup(cgroup_fd, pid) : 0;
  if (err == 0 || !has_controllers(cgroup_fd)) return true;
  add_reason(error.add("cannot enter the cgroup with the container's limits: "), err);
  end();
  return false;
}

bool Launched::let_go(const ProcessConfig& process, Reason& error) {
  // Ignore EPIPE: the child failed before the gate, and its failure can be read below.
  (void)retried([&] { return send(channel_fd_.get(), "", 1, MSG_NOSIGNAL); });
  ChildFailure failure;
  ssize_t n = retried([&] { return recv(channel_fd_.get(), &failure, sizeof failure, MSG_WAITALL); });
  if (n == static_cast<ssize_t>(sizeof failure)) {
    add_failure({process.args[0], process.cwd}, failure, error);
    return false;
  }
  // The channel is closed: by exec, or because the child was killed before it.
  if (!ended_before_exec(pid_)) return true;
  error.add("the process was killed before it started");
  return false;
}
