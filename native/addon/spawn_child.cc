// fork without its cost or its races. Until execve(2) the child runs in the parent's memory, on a part of the calling
// thread's stack that the thread leaves alone, while the calling thread sleeps in clone(2); the parent's other threads
// run on. So the child may only make system calls: no malloc, no lock, no stdio. Where the C library's wrapper does
// more than the call, the call is made raw.
//   Signals: were a handler of the parent to run in the child, it would run in the parent's memory with the child's
// pid. So every signal is blocked before clone, the child's dispositions (it has its own copy) are set to default, and
// only then it unblocks. A signal sent in between stays pending and then acts on the child as on any program.
//   Descriptors: the child has its own table. It closes what it was not given by close_range(2), so that even a
// descriptor that someone opened without close-on-exec does not reach the program.
//   Errors: the errno comes back through the shared memory; clone returns only after exec or exit, so it is there.
#include "addon/spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// The child's frames are never unwound (exec discards them), which would leave the sanitizers' marks in the parent.
#define IN_CHILD __attribute__((no_sanitize("address", "undefined")))

namespace {

// Part of the calling thread's stack, whose pages are there after its first spawn. A mapping of its own would be made,
// faulted in and unmapped each time, and an unmap interrupts every core that runs a thread of ours.
constexpr size_t kStackSize = 16 * 1024;
constexpr int kLastSignal = 64;
constexpr size_t kKernelSigsetSize = 8;  // bytes: one bit a signal
constexpr int kIdTypePidfd = 3;          // P_PIDFD

// What the parent and the child share.
struct ChildContext {
  const SpawnRequest* request;
  volatile SpawnStep failed_step;
  volatile int error;  // positive errno; 0 while nothing failed
};

// Blocks every signal for the calling thread, those the C library keeps for itself too (which pthread_sigmask would
// leave out), and restores the mask that was.
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

// The kernel's struct sigaction is laid out by architecture, but all zeros is SIG_DFL in each.
constexpr unsigned long kDefaultAction[8] = {};
constexpr unsigned long long kNoSignals = 0;

IN_CHILD void reset_signal_dispositions() {
  for (int signal = 1; signal <= kLastSignal; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    syscall(SYS_rt_sigaction, signal, kDefaultAction, nullptr, kKernelSigsetSize);
  }
}

IN_CHILD void unblock_signals() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &kNoSignals, nullptr, kKernelSigsetSize); }

// execvp(3)'s search: a candidate that is not there is passed over, one that may not be run is remembered, any other
// error ends it. Returns the errno that counts. There is no fallback to /bin/sh for ENOEXEC.
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
  *step = SpawnStep::Clone;  // what is left of it: the descriptors
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

// Takes away the zombie of a child that is ending; it takes no other child's.
void reap_failed(int pidfd) {
  siginfo_t info;
  while (syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, WEXITED, nullptr) < 0 && errno == EINTR) {
  }
}

}  // namespace

int spawn_child(const SpawnRequest& request, SpawnedChild* child) {
  child->failed_step = SpawnStep::Clone;
  alignas(16) char stack[kStackSize];
  ChildContext context = {&request, SpawnStep::Clone, 0};
  int pidfd = -1;
  {
    AllSignalsBlocked blocked;
    errno = 0;  // and so its place is looked up
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
