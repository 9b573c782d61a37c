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

// Reads once: how many bytes; 0 at the end, or -errno. (splice(2) to the file saves a copy, but it holds the pipe while
// the disk takes the bytes: the process could not write meanwhile, nor be killed.)
ssize_t LogPipes::take(int i, size_t most, OutputLog& log) {
  ssize_t n = retried([&] { return read(pipes_[i].get(), buffer_, std::min(most, kCapacity)); });
  if (n <= 0) return n;
  is_buffer_used_ = true;
  log.write(kStreams[i], {buffer_, static_cast<size_t>(n)});
  return n;
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
