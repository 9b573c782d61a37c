#include "host/launch/launch.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/proc.h"
#include "common/retry.h"
#include "host/cgroup/cgroup.h"
#include "host/launch/child.h"
#include "host/launch/clone.h"
#include "host/launch/failure.h"

namespace {

bool ended_before_exec(pid_t pid) {
  siginfo_t info = {};
  ProcStat stat;
  // WNOWAIT: leave the status to the process that adopts the child.
  int err = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  return err == 0 && info.si_pid == pid && read_proc_stat(pid, &stat) == 0 && never_called_exec(stat);
}

bool enter(int cgroup_fd, pid_t pid, TextBuilder& error) {
  int err = enter_cgroup(cgroup_fd, pid);
  if (err == 0 || !has_controllers(cgroup_fd)) return true;
  add_reason(error.add("cannot enter the cgroup with the container's limits: "), err);
  return false;
}

bool add_clone_error(TextBuilder& error) {
  add_reason(error.add("cannot make a process: "), errno);
  return false;
}

// What the child in our memory works with. We wait meanwhile, so that it may do all that we may; also use the heap. (If
// somebody kills it in the middle of that, the heap may be damaged, as if we had been killed, too.)
struct Shared {
  const LaunchPlan& plan;
  TextBuilder& error;
  const pid_t parent;
  bool entered = false;
  bool recorded = false;
  ChildFailure failure = {};
};

[[noreturn]] void run_in_shared_memory(void* context) {
  Shared& shared = *static_cast<Shared*>(context);
  const LaunchPlan& plan = shared.plan;
  pid_t self = getpid();
  if (plan.cgroup_fd >= 0 && !shared.entered && !enter(plan.cgroup_fd, self, shared.error)) _exit(1);
  // First: whatever hangs or fails after it, `delete` finds the process.
  if (!plan.record(plan.owner, self, shared.error)) _exit(1);
  shared.recorded = true;
  run_child(plan.process, plan.terminal_fd, shared.parent, &shared.failure);
}

}  // namespace

void Launched::end() {
  if (pid_ < 0) return;
  // It is our child and not reaped, so the pid is still its own.
  kill(pid_, SIGKILL);
  (void)retried([&] { return waitpid(pid_, nullptr, 0); });
  pid_ = -1;
}

bool Launched::run(const LaunchPlan& plan, Reason& error) {
  // If SIGCHLD were inherited as ignored, the kernel would drop the status of a child that ends while it is ours.
  signal(SIGCHLD, SIG_DFL);
  return plan.start_fd >= 0 ? run_waiting(plan, error) : run_program(plan, error);
}

bool Launched::run_program(const LaunchPlan& plan, Reason& error) {
  Shared shared = {plan, error, getpid()};
  pid_ = vfork_into(plan.cgroup_fd, &shared.entered, run_in_shared_memory, &shared);
  if (pid_ < 0) return add_clone_error(error);
  if (shared.failure.err != 0) {
    add_failure({plan.process.args[0], plan.process.cwd}, shared.failure, error);
    return false;
  }
  if (shared.recorded) return has_started(error);
  if (error.size() == 0) error.add(kKilledBeforeStart);
  return false;
}

// False if the child was killed before exec.
bool Launched::has_started(TextBuilder& error) const {
  if (!ended_before_exec(pid_)) return true;
  error.add(kKilledBeforeStart);
  return false;
}

// The child of `create` outlives us without a program, so it has memory of its own, and waits at a gate while it is
// recorded.
bool Launched::run_waiting(const LaunchPlan& plan, Reason& error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    add_reason(error.add("cannot make a socket pair: "), errno);
    return false;
  }
  UniqueFd channel_fd(ends[0]);
  UniqueFd child_end(ends[1]);
  bool entered = false;
  pid_ = fork_into(plan.cgroup_fd, &entered);
  if (pid_ < 0) return add_clone_error(error);
  if (pid_ == 0) {
    // The child must not hold our end too, or it would never see that end close.
    channel_fd.reset();
    run_waiting_child(plan.process, plan.terminal_fd, plan.start_fd, child_end.release());
  }
  child_end.reset();
  // It waits at the gate, so it has no descendants yet.
  if (plan.cgroup_fd >= 0 && !entered && !enter(plan.cgroup_fd, pid_, error)) return false;
  return plan.record(plan.owner, pid_, error) && let_go(plan, channel_fd.get(), error);
}

// Opens the gate, and waits until the child is at the start socket.
bool Launched::let_go(const LaunchPlan& plan, int channel_fd, Reason& error) {
  // Ignore EPIPE: the child failed before the gate, and its failure can be read below.
  (void)retried([&] { return send(channel_fd, "", 1, MSG_NOSIGNAL); });
  ChildFailure failure;
  ssize_t n = retried([&] { return recv(channel_fd, &failure, sizeof failure, MSG_WAITALL); });
  if (n == static_cast<ssize_t>(sizeof failure)) {
    add_failure({plan.process.args[0], plan.process.cwd}, failure, error);
    return false;
  }
  // The channel is closed: at the start socket, or because the child was killed before it.
  return has_started(error);
}

void leave_running() { _exit(0); }
