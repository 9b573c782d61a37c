#include "common/signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

// The raw system calls, because libc's functions leave out the signals that libc uses itself, and our caller may have
// left those ignored or blocked.

constexpr size_t kMaskSize = 8;

void reset_signals(uint64_t ignored) {
  // In the kernel's struct sigaction all zeros are SIG_DFL.
  const unsigned char by_default[64] = {};
  for (int signal = 1; signal <= 64; signal++) {
    if ((ignored >> (signal - 1) & 1) != 0) (void)syscall(SYS_rt_sigaction, signal, by_default, nullptr, kMaskSize);
  }
}

void block_signals() {
  const uint64_t all = ~uint64_t{0};
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, kMaskSize);
}

void unblock_signals() {
  const unsigned char nothing_blocked[kMaskSize] = {};
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing_blocked, nullptr, kMaskSize);
}
