#include "shim/pump.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "common/clock.h"

namespace {

// Limited, so that a process that never stops writing does not delay control lines and signals.
constexpr int kRoundsPerTurn = 8;

// A source is busy if it has given so many bytes, with no pause of more than a millisecond. More than a screen full.
constexpr size_t kBusyBytes = 64 << 10;
constexpr int64_t kPauseMs = 1;
// How long more is waited for: after each read, and altogether before something is written (in whole milliseconds, so
// that it is at most this).
constexpr long kGapNs = 300'000;
constexpr int64_t kGatherMs = 2;

}  // namespace

Pump::~Pump() {
  if (buffer_ != nullptr) munmap(buffer_, capacity_);
}

int Pump::allocate(size_t capacity) {
  void* pages = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return -errno;
  buffer_ = static_cast<char*>(pages);
  capacity_ = capacity;
  return 0;
}

void Pump::open(int source_fd, int sink_fd, bool sink_is_pty) {
  source_fd_ = source_fd;
  sink_fd_ = sink_fd;
  sink_is_pty_ = sink_is_pty;
}

void Pump::open(int source_fd, OutputLog* log) {
  log_ = log;
  open(source_fd, -1, false);
}

void Pump::run(bool may_read) {
  for (int round = 0; round < kRoundsPerTurn; round++) {
    if (!load(may_read)) return;
    (void)flush(size_);
    if (size_ > 0) return;
  }
}

void Pump::trim() {
  if (!wants_trim()) return;
  (void)madvise(buffer_, capacity_, MADV_DONTNEED);
  used_ = 0;
}

bool Pump::load(bool may_read) { return size_ > 0 || (may_read && fill()); }

// True if a busy source has more within a short time. A pty gives at most 4 KiB at a time, and each write to a FIFO
// wakes its reader, which takes a processor from the writer. What is gathered for a log would get a time that is too
// late.
bool Pump::has_more_soon(int64_t deadline_ms) {
  if (log_ != nullptr || sink_is_pty_ || size_ == 0 || burst_ < kBusyBytes || monotonic_ms() >= deadline_ms)
    return false;
  struct pollfd source = {source_fd_, POLLIN, 0};
  struct timespec gap = {0, kGapNs};
  if (ppoll(&source, 1, &gap, nullptr) > 0) return true;
  burst_ = 0;
  return false;
}

// Reads until the buffer is full or the source is empty. False if there is nothing to write.
bool Pump::fill() {
  start_ = 0;
  source_idle_ = false;
  source_hung_up_ = false;
  int64_t begin_ms = monotonic_ms();
  if (begin_ms - last_read_ms_ > kPauseMs) burst_ = 0;
  while (!source_ended_ && size_ < capacity_) {
    ssize_t n = read(source_fd_, buffer_ + size_, capacity_ - size_);
    if (n > 0) {
      size_ += static_cast<size_t>(n);
      burst_ += static_cast<size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && has_more_soon(begin_ms + kGatherMs)) continue;
    if (n < 0 && errno == EAGAIN) {
      source_idle_ = true;
    } else if (n < 0 && errno == EIO) {
      source_idle_ = source_hung_up_ = true;
    } else {
      source_ended_ = true;
    }
    break;
  }
  if (size_ > 0) last_read_ms_ = monotonic_ms();
  used_ = std::max(used_, size_);
  return size_ > 0;
}

size_t Pump::flush(size_t limit) {
  sink_full_ = false;
  size_t written = 0;
  if (log_ != nullptr) {
    written = std::min(size_, limit);
    log_->write(LogKind::Stdout, {buffer_ + start_, written});
    start_ += written;
    size_ -= written;
    return written;
  }
  while (size_ > 0 && written < limit && sink_error_ == 0) {
    ssize_t n = write(sink_fd_, buffer_ + start_, std::min(size_, limit - written));
    if (n >= 0) {
      if (n > 0) last_written_ = buffer_[start_ + static_cast<size_t>(n) - 1];
      start_ += static_cast<size_t>(n);
      size_ -= static_cast<size_t>(n);
      written += static_cast<size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || (errno == EIO && sink_is_pty_)) return written;
    if (errno == ENOSPC || errno == EDQUOT) {
      sink_full_ = true;
      return written;
    }
    sink_error_ = errno;
  }
  if (sink_error_ != 0) size_ = 0;
  return written;
}
