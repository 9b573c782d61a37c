#include "shim/event_loop.h"

#include <errno.h>

int EventLoop::open() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  return epoll_.valid() ? 0 : -errno;
}

int EventLoop::want(Source source, int fd, uint32_t events) {
  Entry& entry = entries_[static_cast<int>(source)];
  if (entry.events == events && (events == 0 || entry.fd == fd)) return 0;
  if (entry.events != 0 && (events == 0 || entry.fd != fd)) {
    // Ignore a failure: a descriptor that was closed is no longer in the set.
    if (!entry.always_ready) (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.fd, nullptr);
    entry = Entry();
  }
  if (events == 0) return 0;
  bool known = entry.events != 0;
  struct epoll_event event = {};
  event.events = events;
  event.data.u32 = static_cast<uint32_t>(source);
  if (!entry.always_ready && epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0) {
    // After any other failure the source is waited for as before.
    if (errno != EPERM) return -errno;
    entry.always_ready = true;
  }
  entry.fd = fd;
  entry.events = events;
  return 0;
}

int EventLoop::wait(int timeout_ms) {
  for (int i = 0; i < kCount; i++) {
    ready_[i] = entries_[i].always_ready ? entries_[i].events : 0;
    if (ready_[i] != 0) timeout_ms = 0;
  }
  struct epoll_event events[kCount];
  int n = epoll_wait(epoll_.get(), events, kCount, timeout_ms);
  if (n < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < n; i++) ready_[events[i].data.u32] |= events[i].events;
  return 0;
}
