// fork without its cost and its races. Until execve(2) the child runs in the parent's memory, on an unused part of the
// calling thread's stack, while that thread waits in clone(2). The parent's other threads run on, so the child may only
// make system calls: no malloc, no lock, no stdio. If the C library's wrapper does more than the call, the raw call is
// made.
//
// Signals: a signal handler of the parent that ran in the child would run in the parent's memory with the child's pid.
// So every signal is blocked before clone; the child resets its own dispositions and only then unblocks them. A signal
// sent in between stays pending, and then acts on the child as on any program.
//
// Descriptors: the child has its own table. It closes everything that it was not given, with close_range(2), or one by
// one if the kernel or a seccomp filter refuses that. So the program does not inherit even a descriptor that was opened
// without close-on-exec.
//   A child whose descriptors are all /dev/null shares our table (CLONE_FILES) until close_range(2) gives it an empty
// one (CLOSE_RANGE_UNSHARE, Linux 5.9), and opens that itself: a copy of ten thousand descriptors, which it closes
// then, would take half a millisecond. If that is refused, the child has changed nothing, and is made again in the
// first way.
//
// Errors: errno comes back through the shared memory. clone returns only after exec or exit, so it is set by then.
//
// Detached: an intermediate process makes the child, stays until it runs its program or has failed, reaps it if it
// failed, and leaves. The kernel then gives the child to init or to the nearest subreaper. The intermediate shares our
// descriptor table (CLONE_FILES), so that the pidfd of CLONE_PIDFD is in our table at once; no pid is looked up, so
// none can have been reused. The intermediate has no exit signal: nobody gets SIGCHLD for it, and only a wait with
// __WALL or
// __WCLONE, as here, finds it. So Node and others that wait for "any child" never hear of it.
//   Race: somebody kills the intermediate alone while the child still uses this stack. If we returned then, the child
// would run on a stack that is overwritten. So we wait until the kernel has cleared the child's `memory_user`
// (CLONE_CHILD_CLEARTID), which it does when the child leaves our memory, by exec or by exit. The two then share the
// thread's errno as well, so this wait makes only calls that succeed.
#include "addon/spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/pidfd.h"
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

constexpr pid_t kNotStarted = -1;
constexpr int kStartLimitMs = 5000;  // from clone to the child's first instruction

constexpr unsigned kCloseRangeUnshare = 1u << 1;

// What the parent, the child and the intermediate share.
struct ChildContext {
  const SpawnRequest* request;
  bool shares_table;  // of descriptors, until it has one of its own
  int null_fd;        // /dev/null; -1 if no descriptor of the child's is that, or if it opens it
  char* stack_end;    // of the child's stack
  volatile SpawnStep failed_step = SpawnStep::Clone;
  volatile int error = 0;  // positive errno; 0 while nothing failed
  volatile pid_t pid = -1;
  int pidfd = -1;
  // The kernel's, for a detached child: its thread id while it runs in our memory, 0 after that.
  volatile pid_t memory_user = kNotStarted;
  volatile bool intermediate_done = false;
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

// Gives a child that shares its parent's table one of its own, in which `count` descriptors are /dev/null. 0 or an
// errno.
IN_CHILD int leave_shared_table(int count) {
  if (syscall(SYS_close_range, 0u, ~0u, kCloseRangeUnshare) < 0) return errno;
  for (int fd = 0; fd < count; fd++) {
    long opened = fd == 0 ? syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0) : syscall(SYS_dup, 0);
    if (opened == fd) continue;
    if (opened < 0) return errno;
    // A filter has made close_range(2) do nothing and give 0: this is still the parent's table.
    syscall(SYS_close, opened);
    return ENOSYS;
  }
  return 0;
}

IN_CHILD int take_descriptors(const SpawnRequest& request, int null_fd) {
  for (int fd = 0; fd < request.stdio_count; fd++) {
    int source = request.stdio_fds[fd].valid() ? request.stdio_fds[fd].get() : null_fd;
    // The source is above every target, so no target overwrites a source. No flags: not close-on-exec.
    if (syscall(SYS_dup3, source, fd, 0) < 0) return errno;
  }
  return 0;
}

// Runs the steps in order; returns only if one failed, with its errno.
IN_CHILD int run_child(const ChildContext& context, volatile SpawnStep* step) {
  const SpawnRequest& request = *context.request;
  reset_signal_dispositions();
  *step = SpawnStep::Setsid;
  if (request.new_session && syscall(SYS_setsid) < 0) return errno;
  *step = SpawnStep::Setpgid;
  if (request.process_group != kKeepGroup && syscall(SYS_setpgid, 0, request.process_group) < 0) return errno;
  *step = SpawnStep::Clone;  // setting up the descriptors counts as this step
  int error = context.shares_table ? 0 : take_descriptors(request, context.null_fd);
  if (error != 0) return error;
  *step = SpawnStep::Chdir;
  if (request.cwd != nullptr && syscall(SYS_chdir, request.cwd) < 0) return errno;
  *step = SpawnStep::Clone;
  error = context.shares_table ? leave_shared_table(request.stdio_count) : -close_descriptors_from(request.stdio_count);
  if (error != 0) return error;
  *step = SpawnStep::Exec;
  unblock_signals();
  return try_candidates(request);
}

IN_CHILD int child_main(void* argument) {
  ChildContext* context = static_cast<ChildContext*>(argument);
  context->pid = static_cast<pid_t>(syscall(SYS_getpid));
  context->error = run_child(*context, &context->failed_step);
  syscall(SYS_exit_group, 127);
  __builtin_unreachable();
}

// Makes the child; returns when it has left our memory. context->pid is set, or context->error.
IN_CHILD void clone_child(ChildContext* context) {
  int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  if (context->request->detach) flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  if (context->shares_table) flags |= CLONE_FILES;
  pid_t pid = clone(child_main, context->stack_end, flags, context, &context->pidfd, nullptr, &context->memory_user);
  if (pid < 0) {
    context->error = errno;
    context->pidfd = -1;  // a clone that fails late has written a number that is not ours
  } else {
    context->pid = pid;
  }
}

// Waits for the end of a child that failed, and reaps that child only.
IN_CHILD void reap_failed(int pidfd) {
  siginfo_t info;
  while (syscall(SYS_waitid, kIdTypePidfd, pidfd, &info, WEXITED, nullptr) < 0 && errno == EINTR) continue;
}

IN_CHILD int intermediate_main(void* argument) {
  ChildContext* context = static_cast<ChildContext*>(argument);
  clone_child(context);
  if (context->error != 0 && context->pidfd >= 0) reap_failed(context->pidfd);
  context->intermediate_done = true;
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

// After the intermediate was killed: waits until the child has left our memory. False if there is no child. If the
// kernel gave up making it, the pidfd's number was written but is not ours: mostly it is free, or another thread has
// got it since, and then the child never starts.
bool wait_for_orphan(const ChildContext& context) {
  if (context.pidfd < 0 || signal_pidfd(context.pidfd, 0) == -EBADF) return false;
  const struct timespec pause = {0, 1000000};
  for (int waited_ms = 0; context.memory_user != 0; waited_ms++) {
    if (context.memory_user == kNotStarted && waited_ms >= kStartLimitMs) return false;
    syscall(SYS_nanosleep, &pause, nullptr);
  }
  return true;
}

// Makes the child by way of the intermediate.
void clone_detached(ChildContext* context, char* stack_end) {
  pid_t pid = clone(intermediate_main, stack_end, CLONE_VM | CLONE_VFORK | CLONE_FILES, context);
  if (pid < 0) {
    context->error = errno;
    return;
  }
  siginfo_t info;
  (void)retried([&] { return syscall(SYS_waitid, P_PID, pid, &info, WEXITED | __WALL, nullptr); });
  if (context->intermediate_done) return;
  bool made = wait_for_orphan(*context);
  if (!made) context->pidfd = -1;
  // Without a pid the child was killed, too, before its first instruction.
  if (context->error == 0 && context->pid < 0) context->error = EINTR;
  if (made && context->error != 0) reap_failed(context->pidfd);  // it is ours if we are the subreaper
}

bool has_only_null(const SpawnRequest& request) {
  for (int i = 0; i < request.stdio_count; i++) {
    if (request.stdio_fds[i].valid()) return false;
  }
  return true;
}

// Opens /dev/null with a number above those of the child's descriptors, if one of these is to be that. 0 or -errno.
int open_null(const SpawnRequest& request, UniqueFd* null_fd) {
  bool is_wanted = false;
  for (int i = 0; i < request.stdio_count; i++) is_wanted |= !request.stdio_fds[i].valid();
  if (!is_wanted) return 0;
  null_fd->reset(retried([] { return open("/dev/null", O_RDWR | O_CLOEXEC); }));
  if (!null_fd->valid()) return null_fd->get();
  if (null_fd->get() >= request.stdio_count) return 0;
  null_fd->reset(fcntl(null_fd->get(), F_DUPFD_CLOEXEC, request.stdio_count));
  return null_fd->valid() ? 0 : -errno;
}

int make_child(const SpawnRequest& request, bool shares_table, SpawnedChild* child) {
  alignas(16) char stacks[2][kStackSize];
  UniqueFd null_fd;
  int err = shares_table ? 0 : open_null(request, &null_fd);
  if (err < 0) return err;
  ChildContext context = {&request, shares_table, null_fd.get(), stacks[0] + kStackSize};
  {
    AllSignalsBlocked blocked;
    // Resolves errno's TLS slot before the child shares our memory.
    errno = 0;
    if (request.detach) {
      clone_detached(&context, stacks[1] + kStackSize);
    } else {
      clone_child(&context);
      if (context.error != 0 && context.pidfd >= 0) reap_failed(context.pidfd);
    }
  }
  child->pidfd.reset(context.pidfd);
  child->pid = context.pid;
  child->failed_step = context.failed_step;
  if (context.error == 0) return 0;
  child->pidfd.reset();
  return -context.error;
}

// Whether an error of a child that shares our table may be that of close_range(2), its flag, or CLONE_FILES.
bool may_be_unsupported(int err) { return err == -ENOSYS || err == -EINVAL || err == -EPERM; }

}  // namespace

int spawn_child(const SpawnRequest& request, SpawnedChild* child) {
  if (has_only_null(request)) {
    int err = make_child(request, true, child);
    if (err == 0 || child->failed_step != SpawnStep::Clone || !may_be_unsupported(err)) return err;
  }
  return make_child(request, false, child);
}
