#include "host/launch/clone.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_handle_vfork(void* stack);
#endif

namespace {

// clone(2)'s struct clone_args as of Linux 5.7; older headers lack its last member.
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
constexpr uint64_t kVm = 0x100;
constexpr uint64_t kVfork = 0x4000;
constexpr uint64_t kIntoCgroup = 0x200000000;

CloneArguments arguments_for(uint64_t flags, int cgroup_fd) {
  CloneArguments arguments = {};
  arguments.flags = flags | kIntoCgroup;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
  return arguments;
}

// clone3(2) with the caller's stack in the child too. A function of the C library must not make the call: the child
// would return from it, and then overwrite the address to which the parent has to return. Here the child never returns,
// so that it changes nothing at or above the stack pointer that the parent comes back to.
[[gnu::noinline]] long clone_here(const CloneArguments* arguments, void (*child)(void*), void* context) {
#if defined(__x86_64__) && defined(__LP64__)
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments)
               : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long result asm("x0") = reinterpret_cast<long>(arguments);
  register size_t size asm("x1") = sizeof *arguments;
  register long call asm("x8") = SYS_clone3;
  asm volatile("svc 0" : "+r"(result) : "r"(size), "r"(call) : "memory");
#else
  (void)arguments;
  long result = -ENOSYS;
#endif
  if (result == 0) child(context);
  return result;
}

#if defined(__aarch64__)
// As vfork(2), by clone(2), in the same way. musl before 1.2.5 has no vfork() for this processor but a fork(), whose
// child has memory of its own: what it records is then not seen here.
[[gnu::noinline]] long vfork_here(void (*child)(void*), void* context) {
  register long result asm("x0") = static_cast<long>(kVm | kVfork | SIGCHLD);
  register long stack asm("x1") = 0;
  register long parent_tid asm("x2") = 0;
  register long tls asm("x3") = 0;
  register long child_tid asm("x4") = 0;
  register long call asm("x8") = SYS_clone;
  asm volatile("svc 0" : "+r"(result) : "r"(stack), "r"(parent_tid), "r"(tls), "r"(child_tid), "r"(call) : "memory");
  if (result == 0) child(context);
  return result;
}
#endif

// In the parent: the sanitizer has marks for stack frames of the child, which are gone.
inline void forget_frames_of_child() {
#if defined(__SANITIZE_ADDRESS__)
  __asan_handle_vfork(__builtin_frame_address(0));
#endif
}

}  // namespace

pid_t fork_into(int cgroup_fd, bool* entered) {
  *entered = false;
  if (cgroup_fd >= 0) {
    CloneArguments arguments = arguments_for(0, cgroup_fd);
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
    CloneArguments arguments = arguments_for(kVm | kVfork, cgroup_fd);
    long pid = clone_here(&arguments, child, context);
    forget_frames_of_child();
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
  *entered = false;
  // As in fork_into().
#if defined(__aarch64__)
  long pid = vfork_here(child, context);
  if (pid >= 0) return static_cast<pid_t>(pid);
  errno = static_cast<int>(-pid);
  return -1;
#else
  pid_t pid = vfork();
  if (pid == 0) child(context);
  return pid;
#endif
}
