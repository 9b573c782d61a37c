// An epoll(7) instance that waits for the hang-up of many FIFOs. It is a descriptor itself: one watch (watch.cc) of it
// tells that there are some, in place of a watch of each.
#include <sys/epoll.h>

#include <algorithm>

#include "addon/calls.h"

namespace {

constexpr size_t kMaxEvents = 256;

}  // namespace

// (epoll fd, fd): reports the hang-up of `fd` once, also if it has hung up already.
Napi::Value epoll_add_call(const Napi::CallbackInfo& info) {
  struct epoll_event event = {};
  // No EPOLLIN: EPOLLHUP and EPOLLERR are always reported.
  event.events = EPOLLONESHOT;
  event.data.fd = int_arg(info, 1);
  return number(info, epoll_ctl(int_arg(info, 0), EPOLL_CTL_ADD, event.data.fd, &event) < 0 ? -errno : 0);
}

// (epoll fd, fd): must come before the close. A child that is being spawned has a copy of `fd`, so that a close alone
// would not end it.
Napi::Value epoll_remove_call(const Napi::CallbackInfo& info) {
  struct epoll_event unused = {};
  return number(info, epoll_ctl(int_arg(info, 0), EPOLL_CTL_DEL, int_arg(info, 1), &unused) < 0 ? -errno : 0);
}

// (epoll fd, Int32Array): puts the descriptors that have hung up there, and returns their number. Does not wait.
Napi::Value epoll_take_call(const Napi::CallbackInfo& info) {
  Napi::Int32Array out = info[1].As<Napi::Int32Array>();
  struct epoll_event events[kMaxEvents];
  int max = static_cast<int>(std::min(out.ElementLength(), kMaxEvents));
  int count = retried([&] { return epoll_wait(int_arg(info, 0), events, max, 0); });
  for (int i = 0; i < count; i++) out.Data()[i] = events[i].data.fd;
  return number(info, count);
}
