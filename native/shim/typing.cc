#include "shim/typing.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>

#include "common/clock.h"
#include "common/unique_fd.h"

namespace {

// The kernel's buffers of a terminal: unread input, and echo for which the output has no room (N_TTY_BUF_SIZE).
constexpr size_t kKernelBuffer = 4096;
// A typed byte is echoed as up to two: a control character as ^X.
constexpr size_t kUnreadLimit = 1792;
constexpr int kStalledMs = 100;
constexpr int kMaxWaitMs = 500;

bool echoes(int master_fd) {
  struct termios mode;
  // tcgetattr() of the master returns the slave's mode.
  return tcgetattr(master_fd, &mode) == 0 && (mode.c_lflag & (ECHO | ECHONL)) != 0;
}

// The number of bytes that the process could read; 0 if that cannot be found out. Only the slave can tell; it is open
// for a moment. If it was the last one, the close is one more hang-up of the master.
size_t unread_input(int master_fd) {
  UniqueFd slave(ioctl(master_fd, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!slave.valid()) return 0;
  // What was typed is passed on by a kernel thread. poll(2) waits for that if there is nothing to read.
  struct pollfd look = {slave.get(), POLLIN, 0};
  int unread = 0;
  if (poll(&look, 1, 0) <= 0 || ioctl(slave.get(), FIONREAD, &unread) < 0 || unread < 0) return 0;
  return static_cast<size_t>(unread);
}

}  // namespace

size_t Typing::allowance(int master_fd, bool output_taken) {
  if (!echoes(master_fd)) {
    unread_ = 0;
    held_since_ms_ = -1;
    return SIZE_MAX;
  }
  size_t unread = unread_input(master_fd);
  if (output_taken && unread == 0) unread_ = 0;
  if (unread_ >= kUnreadLimit) {
    int64_t now = monotonic_ms();
    if (held_since_ms_ < 0) held_since_ms_ = now;
    // The process does not read, or nobody reads its output. Fill the kernel's buffer: there may be an interrupt
    // character among what is held back. After that it would not be seen until the process reads.
    bool stalled = now - held_since_ms_ >= kStalledMs && (!output_taken || unread + kUnreadLimit < kKernelBuffer);
    if (!stalled) return 0;
    unread_ = 0;
  }
  held_since_ms_ = -1;
  return kUnreadLimit - unread_;
}

// There is no event for a process that reads: look again after as long as it has taken so far.
int Typing::wait_ms() const {
  if (held_since_ms_ < 0) return -1;
  return static_cast<int>(std::clamp<int64_t>(monotonic_ms() - held_since_ms_, 1, kMaxWaitMs));
}
