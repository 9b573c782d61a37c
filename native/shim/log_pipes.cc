#include "shim/log_pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>

#include "common/retry.h"

namespace {

constexpr LogKind kStreams[2] = {LogKind::Stdout, LogKind::Stderr};
constexpr Source kSources[2] = {Source::LogStdout, Source::LogStderr};
// One read in each turn: a process that never stops writing must not delay control lines, signals and the other stream.
constexpr size_t kCapacity = 256 << 10;
// Who reads so many bytes at once is slower than the process.
constexpr ssize_t kMuch = 64 << 10;

}  // namespace

LogPipes::~LogPipes() {
  if (buffer_ != nullptr) munmap(buffer_, kCapacity);
}

int LogPipes::open(int stream, UniqueFd* process_end) {
  if (buffer_ == nullptr) {
    // Mapped pages cost nothing until they are used.
    void* pages = mmap(nullptr, kCapacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return -errno;
    buffer_ = static_cast<char*>(pages);
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  UniqueFd& own = pipes_[stream - 1];
  own.reset(ends[0]);
  process_end->reset(ends[1]);
  return fcntl(own.get(), F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

// Passes on once: how many bytes; 0 at the end, or -errno.
ssize_t LogPipes::take(int i, size_t most, OutputLog& log) {
  most = std::min(most, kCapacity);
  if (through_[0].valid()) {
    ssize_t n = take_through(i, most, log);
    if (n >= 0 || n == -EAGAIN) return n;
    // Nothing was taken: a seccomp filter may forbid splice(2).
    is_splice_refused_ = true;
    close_through();
  }
  ssize_t n = copy(pipes_[i].get(), kStreams[i], most, log);
  if (n >= kMuch && !is_splice_refused_) open_through();
  return n;
}

ssize_t LogPipes::copy(int fd, LogKind stream, size_t most, OutputLog& log) {
  ssize_t n = retried([&] { return read(fd, buffer_, most); });
  if (n <= 0) return n;
  is_buffer_used_ = true;
  log.write(stream, {buffer_, static_cast<size_t>(n)});
  return n;
}

// One copy in place of two: pages move to a pipe of our own, and the file takes the bytes from there. Not from the
// process's pipe: splice(2) to a file holds it while the disk takes the bytes; the process could not write meanwhile,
// nor be killed.
ssize_t LogPipes::take_through(int i, size_t most, OutputLog& log) {
  ssize_t n = retried([&] {
    return splice(pipes_[i].get(), nullptr, through_[1].get(), nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  });
  if (n <= 0) return n;
  size_t left = static_cast<size_t>(n) - log.write_from(kStreams[i], through_[0].get(), static_cast<size_t>(n));
  if (left > 0) is_splice_refused_ = true;  // by a full disk, or by a file system that has none
  while (left > 0) {
    ssize_t copied = copy(through_[0].get(), kStreams[i], std::min(left, kCapacity), log);
    if (copied <= 0) break;  // impossible: it has these bytes
    left -= static_cast<size_t>(copied);
  }
  if (is_splice_refused_) close_through();
  return n;
}

void LogPipes::open_through() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return;
  through_[0].reset(ends[0]);
  through_[1].reset(ends[1]);
  // A user may have so many pages in pipes only: then it stays small, and takes more calls.
  (void)fcntl(ends[1], F_SETPIPE_SZ, kCapacity);
}

void LogPipes::close_through() {
  for (UniqueFd& end : through_) end.reset();
}

void LogPipes::serve(EventLoop& loop, OutputLog& log) {
  bool is_idle = true;
  for (int i = 0; i < 2; i++) {
    if (!pipes_[i].valid() || !loop.ready(kSources[i])) continue;
    is_idle = false;
    ssize_t n = take(i, kCapacity, log);
    if (n > 0 || n == -EAGAIN) continue;
    // No process can write to it any more.
    loop.forget(kSources[i]);
    pipes_[i].reset();
  }
  if (!is_idle || !is_buffer_used_) return;
  (void)madvise(buffer_, kCapacity, MADV_DONTNEED);
  is_buffer_used_ = false;
  is_splice_refused_ = false;
  close_through();
}

int LogPipes::want_events(EventLoop& loop) {
  for (int i = 0; i < 2; i++) {
    if (!pipes_[i].valid()) continue;
    int err = loop.want(kSources[i], pipes_[i].get(), EPOLLIN);
    if (err < 0) return err;
  }
  return 0;
}

void LogPipes::drain(OutputLog& log) {
  int left[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    if (!pipes_[i].valid() || ioctl(pipes_[i].get(), FIONREAD, &left[i]) < 0) left[i] = 0;
  }
  while (left[0] > 0 || left[1] > 0) {
    for (int i = 0; i < 2; i++) {
      if (left[i] <= 0) continue;
      ssize_t n = take(i, static_cast<size_t>(left[i]), log);
      left[i] = n > 0 ? left[i] - static_cast<int>(n) : 0;
    }
  }
}
