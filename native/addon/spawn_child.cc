// fork without its cost and its races. Until execve(2) the child runs in the parent's memory, on an unused part of the
// calling thread's stack, while that thread waits in clone(2). The parent's other threads run on, so the child may only
// make system calls: no malloc, no lock, no stdio. If the C library's wrapper does more than the call, the raw call is
// made.
//
// Signals: a signal handler of the parent that ran in the child would run in the parent's memory with the child's pid.
// So every signal is blocked before clone; the child resets its own dispositions and only then unblocks them. A signal
// sent in between stays pending, and then acts on the child as on any program.
//
// Descriptors: the child has its own table. It closes everything that it was not given, with close_range(2). So the
// program does not inherit even a descriptor that was opened without close-on-exec.
//
// Errors: errno comes back through the shared memory. clone returns only after exec or exit, so it is set by then.
#include "addon/spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/retry.h"
#include "common/syscalls.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

// exec discards the child's stack frames without unwinding them. The sanitizers' marks for them would stay in the
// parent.
#define IN_CHILD __attribute__((no_sanitize("address", "undefined")))

namespace {

// On the calling thread's stack, whose pages exist after its first spawn. A separate mapping would be made, faulted in
// and unmapped for each spawn, and munmap(2) interrupts every core that runs a thread of ours.
constexpr size_t kStackSize = 16 * 1024;
constexpr int kLastSignal = 64;
constexpr size_t kKernelSigsetSize = 8;  // in bytes: one bit for each signal

// What the parent and the child share.
struct ChildContext {
  const SpawnRequest* request;
  volatile SpawnStep failed_step;
  volatile int error;  // positive errno; 0 while nothing failed
};

// Blocks every signal for the calling thread and restores the old mask. Also the signals that the C library uses
// itself, which pthread_sigmask(3) leaves out.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    const unsigned long long all = ~0ull;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved_, kKernelSigsetSize);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &saved_, nullptr, kKernelSigsetSize); }

 private:
  unsigned long long saved_ = 0;
};

// The layout of the kernel's struct sigaction depends on the architecture, but all zeros are SIG_DFL on each.
constexpr unsigned long kDefaultAction[8] = {};
constexpr unsigned long long kNoSignals = 0;

IN_CHILD void reset_signal_dispositions() {
  for (int signal = 1; signal <= kLastSignal; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    syscall(SYS_rt_sigaction, signal, kDefaultAction, nullptr, kKernelSigsetSize);
  }
}

IN_CHILD void unblock_signals() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &kNoSignals, nullptr, kKernelSigsetSize); }

// execvp(3)'s search: skips a candidate that does not exist, remembers one that may not be executed, and ends at any
// other error. Returns the errno to report. Unlike execvp(3) it does not fall back to /bin/sh after ENOEXEC.
IN_CHILD int try_candidates(const SpawnRequest& request) {
  int error = ENOENT;
  bool denied = false;
  for (const char* const* path = request.candidates; *path != nullptr; path++) {
    syscall(SYS_execve, *path, request.argv, request.envp);
    error = errno;
    if (error == EACCES) {
      denied = true;
    } else if (error != ENOENT && error != ENOTDIR && error != ESTALE && error != ENODEV && error != ETIMEDOUT) {
      return error;
    }
  }
  return denied ? EACCES : error;
}

// Runs the steps in order; returns only if one failed, with its errno.
IN_CHILD int run_child(const SpawnRequest& request, volatile SpawnStep* step) {
  reset_signal_dispositions();
  *step = SpawnStep::Setsid;
  if (request.new_session && syscall(SYS_setsid) < 0) return errno;
  *step = SpawnStep::Setpgid;
  if (request.process_group != kKeepGroup && syscall(SYS_setpgid, 0, request.process_group) < 0) return errno;
  *step = SpawnStep::Clone;  // setting up the descriptors counts as this step
  for (int fd = 0; fd < request.stdio_count; fd++) {
    // The source is above every target, so no target overwrites a source. No flags: not close-on-exec.
    if (syscall(SYS_dup3, request.stdio_fds[fd].get(), fd, 0) < 0) return errno;
  }
  *step = SpawnStep::Chdir;
  if (request.cwd != nullptr && syscall(SYS_chdir, request.cwd) < 0) return errno;
  *step = SpawnStep::Clone;
  if (syscall(SYS_close_range, request.stdio_count, UINT_MAX, 0) < 0) return errno;
  *step = SpawnStep::Exec;
  unblock_signals();
  return try_candidates(request);
}

IN_CHILD int child_main(void* argument) {
  ChildContext* context = static_cast<ChildContext*>(argument);
  context->error = run_child(*context->request, &context->failed_step);
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

// Waits for the end of a child that failed, and reaps that child only.
void reap_failed(int pidfd) {
  siginfo_t info;
  (void)retried([&] { return syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, WEXITED, nullptr); });
}

}  // namespace

int spawn_child(const SpawnRequest& request, SpawnedChild* child) {
  child->failed_step = SpawnStep::Clone;
  alignas(16) char stack[kStackSize];
  ChildContext context = {&request, SpawnStep::Clone, 0};
  int pidfd = -1;
  {
    AllSignalsBlocked blocked;
    // Resolves errno's TLS slot before the child shares our memory.
    errno = 0;
    child->pid =
        clone(child_main, stack + kStackSize, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &context, &pidfd);
    if (child->pid < 0) return -errno;
  }
  child->pidfd.reset(pidfd);
  if (context.error == 0) return 0;
  reap_failed(pidfd);
  child->pidfd.reset();
  child->failed_step = context.failed_step;
  return -context.error;
}
