#include "common/vfork.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_handle_vfork(void* stack);
#endif

namespace {

constexpr uint64_t kShared = 0x100 | 0x4000;  // CLONE_VM, CLONE_VFORK

// Makes a system call of two arguments that returns twice, with the caller's stack in the child too. A function of the
// C library must not make it: the child would return from that function, and then overwrite the address to which the
// parent has to return. Here the child never returns, so that it changes nothing at or above the stack pointer that the
// parent comes back to.
[[gnu::noinline]] long call_twice(long call, long first, long second, void (*child)(void*), void* context) {
#if defined(__x86_64__) && defined(__LP64__)
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(call), "D"(first), "S"(second) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long result asm("x0") = first;
  register long x1 asm("x1") = second;
  register long x8 asm("x8") = call;
  asm volatile("svc 0" : "+r"(result) : "r"(x1), "r"(x8) : "memory");
#elif defined(__GLIBC__) || defined(__s390x__)
  (void)first;
  (void)second;
  long result = call == SYS_clone ? vfork() : -1;
  if (result < 0) result = call == SYS_clone ? -errno : -ENOSYS;
#else
#error "musl's vfork() is a fork() for this processor: add the system call, as for the two above"
#endif
  if (result == 0) child(context);
#if defined(__SANITIZE_ADDRESS__)
  // The sanitizer has marks for stack frames of the child, which are gone.
  __asan_handle_vfork(__builtin_frame_address(0));
#endif
  return result;
}

}  // namespace

pid_t vfork_call(void (*child)(void*), void* context) {
  // Its other arguments count only with flags that are not given.
  return static_cast<pid_t>(call_twice(SYS_clone, kShared | SIGCHLD, 0, child, context));
}

pid_t vfork_call(CloneArguments arguments, void (*child)(void*), void* context) {
  arguments.flags |= kShared;
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(
      call_twice(SYS_clone3, reinterpret_cast<long>(&arguments), sizeof arguments, child, context));
}
