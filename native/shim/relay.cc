#include "shim/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <utility>

#include "common/files.h"
#include "common/retry.h"

namespace {

constexpr size_t kMost = size_t{1} << 20;

}  // namespace

int StdinRelay::open(UniqueFd fifo, UniqueFd* process_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  process_end->reset(ends[0]);
  pipe_.reset(ends[1]);
  fifo_ = std::move(fifo);
  return 0;
}

// Once: how many bytes; 0 at the end, or -errno.
ssize_t StdinRelay::pass_on() {
  if (!is_splice_refused_) {
    ssize_t n = retried([&] { return splice(fifo_.get(), nullptr, pipe_.get(), nullptr, kMost, SPLICE_F_NONBLOCK); });
    if (n >= 0 || n == -EAGAIN || n == -EPIPE) return n;
    // Nothing was taken: a seccomp filter may forbid splice(2).
    is_splice_refused_ = true;
  }
  return copy();
}

// A pipe that is writable takes PIPE_BUF bytes at once (pipe(7)), so that none are left to be kept here.
ssize_t StdinRelay::copy() {
  struct pollfd room = {pipe_.get(), POLLOUT, 0};
  if (poll(&room, 1, 0) <= 0) return -EAGAIN;
  char bytes[PIPE_BUF];
  ssize_t n = retried([&] { return read(fifo_.get(), bytes, sizeof bytes); });
  if (n <= 0) return n;
  int err = write_all(pipe_.get(), {bytes, static_cast<size_t>(n)});
  return err < 0 ? err : n;
}

// One call in each turn: a writer that never stops must not delay control lines and signals.
void StdinRelay::serve(EventLoop& loop) {
  if (!fifo_.valid()) return;
  bool is_unread = loop.failed(Source::StdinPipe);
  if (!is_unread && !loop.ready(Source::Stdin) && !loop.ready(Source::StdinPipe)) return;
  ssize_t n = is_unread ? -EPIPE : pass_on();
  is_full_ = false;
  if (n > 0) return;
  if (n == -EAGAIN) {
    // Either nothing is there or the pipe is full. If bytes come just now, the next turn corrects it.
    int unread = 0;
    is_full_ = ioctl(fifo_.get(), FIONREAD, &unread) == 0 && unread > 0;
    return;
  }
  loop.forget(Source::Stdin);
  loop.forget(Source::StdinPipe);
  fifo_.reset();
  pipe_.reset();
}

int StdinRelay::want_events(EventLoop& loop) {
  if (!fifo_.valid()) return 0;
  // EPOLLERR is always reported; it stands for "nothing else".
  int err = loop.want(Source::StdinPipe, pipe_.get(), is_full_ ? uint32_t{EPOLLOUT} : uint32_t{EPOLLERR});
  if (err == 0) err = loop.want(Source::Stdin, fifo_.get(), is_full_ ? 0 : uint32_t{EPOLLIN});
  return err;
}
