// Opening and closing of descriptors that the addon closes when the environment ends.
//   They are closed in a clean-up hook. Node calls those in the reverse of the order in which they were added, and this
// one is added when the addon is loaded: each watch's hook (watch.cc) was added later, so it has taken its descriptor
// off the loop before that is closed here and another thread gets its number.
#include "addon/owned.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <new>

#include "addon/calls.h"
#include "addon/open_nonblocking.h"
#include "common/pidfd.h"

namespace {

// Linux frees the descriptor even on EINTR, so close(2) is never retried and EINTR is no failure.
int close_once(int fd) { return close(fd) < 0 && errno != EINTR ? -errno : 0; }

// Makes a descriptor by `open`, which returns it or -errno, and has the environment own it. JavaScript could not add it
// afterwards: a worker may be terminated between two calls.
template <typename Open>
Napi::Value owned_by_env(const Napi::CallbackInfo& info, Open open) {
  OwnedDescriptors* owned = owned_descriptors(info.Env());
  if (owned == nullptr) return number(info, -ENOMEM);
  int fd = static_cast<int>(open());
  if (fd >= 0 && !owned->take(info.Env(), fd)) {
    close_once(fd);
    return number(info, -ENOMEM);
  }
  return number(info, fd);
}

}  // namespace

OwnedDescriptors* owned_descriptors(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<OwnedDescriptors*>(data);
}

OwnedDescriptors::~OwnedDescriptors() {
  for (size_t fd = 0; fd < size_; fd++) {
    if (is_owned_[fd]) close_once(static_cast<int>(fd));
  }
  free(is_owned_);
}

bool OwnedDescriptors::take(napi_env env, int fd) {
  size_t index = static_cast<size_t>(fd);
  if (index >= size_) {
    size_t size = 64;
    while (size <= index) size *= 2;
    bool* grown = static_cast<bool*>(realloc(is_owned_, size * sizeof(bool)));
    if (grown == nullptr) return false;
    memset(grown + size_, 0, (size - size_) * sizeof(bool));
    is_owned_ = grown;
    size_ = size;
  }
  is_owned_[index] = true;
  table_.opened(env, fd);
  return true;
}

bool OwnedDescriptors::remove(int fd) {
  size_t index = static_cast<size_t>(fd);
  if (index >= size_ || !is_owned_[index]) return false;
  is_owned_[index] = false;
  return true;
}

void init_owned_descriptors(Napi::Env env) {
  OwnedDescriptors* owned = new (std::nothrow) OwnedDescriptors();
  if (owned == nullptr) return;
  auto close_all = [](void* data) { delete static_cast<OwnedDescriptors*>(data); };
  // Without the hook nothing would close them: then there is no instance data, and each of these opens says ENOMEM.
  if (napi_add_env_cleanup_hook(env, close_all, owned) != napi_ok) {
    delete owned;
    return;
  }
  napi_set_instance_data(env, owned, nullptr, nullptr);
}

// (path, flags, mode), as open_call
Napi::Value open_owned_call(const Napi::CallbackInfo& info) {
  PathArg path(info, 0);
  return owned_by_env(
      info, [&] { return open_nonblocking(path.c_str(), int_arg(info, 1), static_cast<mode_t>(int_arg(info, 2))); });
}

// (pid), as pidfd_open_call
Napi::Value pidfd_open_owned_call(const Napi::CallbackInfo& info) {
  return owned_by_env(info, [&] { return open_pidfd(int_arg(info, 0)); });
}

// (initial), as eventfd_call
Napi::Value eventfd_owned_call(const Napi::CallbackInfo& info) {
  unsigned initial = info[0].As<Napi::Number>().Uint32Value();
  return owned_by_env(info, [&] { return retried([&] { return eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK); }); });
}

Napi::Value epoll_owned_call(const Napi::CallbackInfo& info) {
  return owned_by_env(info, [] { return retried([] { return epoll_create1(EPOLL_CLOEXEC); }); });
}

Napi::Value inotify_owned_call(const Napi::CallbackInfo& info) {
  return owned_by_env(info, [] { return retried([] { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }); });
}

// A pipe, O_NONBLOCK: an array of its read end and write end.
Napi::Value pipe_owned_call(const Napi::CallbackInfo& info) {
  OwnedDescriptors* owned = owned_descriptors(info.Env());
  if (owned == nullptr) return number(info, -ENOMEM);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return number(info, -errno);
  if (!owned->take(info.Env(), ends[0]) || !owned->take(info.Env(), ends[1])) {
    owned->remove(ends[0]);
    for (int end : ends) close_once(end);
    return number(info, -ENOMEM);
  }
  Napi::Array array = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) array.Set(i, Napi::Number::New(info.Env(), ends[i]));
  return array;
}

// (fd): -EBADF when it is not among the owned ones, or closed already
Napi::Value close_owned_call(const Napi::CallbackInfo& info) {
  OwnedDescriptors* owned = owned_descriptors(info.Env());
  int fd = int_arg(info, 0);
  if (owned == nullptr || !owned->remove(fd)) return number(info, -EBADF);
  return number(info, close_once(fd));
}
