// Opening and closing of descriptors that the addon closes when the environment ends.
//   They are closed in a clean-up hook. Node calls those in the reverse of the order in which they were added, and this
// one is added when the addon is loaded: each watch's hook (watch.cc) was added later, so it has taken its descriptor
// off the loop before that is closed here and another thread gets its number.
#include "addon/owned.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <new>

#include "addon/calls.h"
#include "addon/open_nonblocking.h"
#include "common/pidfd.h"

namespace {

OwnedDescriptors* owned_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<OwnedDescriptors*>(data);
}

// Makes a descriptor by `open`, which returns it or -errno, and has the environment own it. JavaScript could not add it
// afterwards: a worker may be terminated between two calls.
template <typename Open>
Napi::Value owned_by_env(const Napi::CallbackInfo& info, Open open) {
  OwnedDescriptors* owned = owned_of(info.Env());
  // Before the open, which could not be taken back without a trace.
  if (owned == nullptr || !owned->reserve()) return number(info, -ENOMEM);
  int fd = static_cast<int>(open());
  if (fd >= 0) owned->add(fd);
  return number(info, fd);
}

// Linux frees the descriptor even on EINTR, so close(2) is never retried and EINTR is no failure.
int close_once(int fd) { return close(fd) < 0 && errno != EINTR ? -errno : 0; }

}  // namespace

OwnedDescriptors::~OwnedDescriptors() {
  for (size_t i = 0; i < count_; i++) close_once(fds_[i]);
  free(fds_);
}

bool OwnedDescriptors::reserve(size_t more) {
  if (count_ + more <= capacity_) return true;
  size_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
  int* fds = static_cast<int*>(realloc(fds_, capacity * sizeof(int)));
  if (fds == nullptr) return false;
  fds_ = fds;
  capacity_ = capacity;
  return true;
}

bool OwnedDescriptors::remove(int fd) {
  // From the back: what was opened last is mostly closed first.
  for (size_t i = count_; i-- > 0;) {
    if (fds_[i] != fd) continue;
    fds_[i] = fds_[--count_];
    return true;
  }
  return false;
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
  return owned_by_env(info, [&] {
    return open_nonblocking(path_arg(info, 0), int_arg(info, 1), static_cast<mode_t>(int_arg(info, 2)));
  });
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

Napi::Value inotify_owned_call(const Napi::CallbackInfo& info) {
  return owned_by_env(info, [] { return retried([] { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }); });
}

// A pipe, O_NONBLOCK: an array of its read end and write end.
Napi::Value pipe_owned_call(const Napi::CallbackInfo& info) {
  OwnedDescriptors* owned = owned_of(info.Env());
  if (owned == nullptr || !owned->reserve(2)) return number(info, -ENOMEM);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return number(info, -errno);
  Napi::Array array = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) {
    owned->add(ends[i]);
    array.Set(i, Napi::Number::New(info.Env(), ends[i]));
  }
  return array;
}

// (fd): -EBADF when it is not among the owned ones, or closed already
Napi::Value close_owned_call(const Napi::CallbackInfo& info) {
  OwnedDescriptors* owned = owned_of(info.Env());
  int fd = int_arg(info, 0);
  if (owned == nullptr || !owned->remove(fd)) return number(info, -EBADF);
  return number(info, close_once(fd));
}
