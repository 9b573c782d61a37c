// A one-shot watch of a descriptor on the event loop of one Node environment (main thread or worker): libuv's uv_poll,
// one JavaScript callback, and a clean end when the environment is torn down first. When it watches a child's pidfd it
// owns that descriptor and reaps the child. Used on its environment's thread only, `abandoned` apart.
#pragma once

#include <uv.h>

#include <atomic>

#include "addon/napi.h"
#include "common/unique_fd.h"

class Watch {
 public:
  // Prepared, watching nothing yet; nullptr when memory ran out. One reference, the caller's.
  static Watch* create(Napi::Env env, Napi::Function callback);

  // Calls back once when `fd` is ready for `events` (uv_poll_event), hung up or in error. Borrowed: stop() before the
  // descriptor is closed.
  // 0 or -errno: EEXIST (this loop watches that descriptor already), EPERM (no such thing as readiness: a regular
  // file), EBADF.
  int start(int fd, int events);
  // The same for a child's pidfd, which it takes over unless it fails: reaps the child, closes the descriptor and calls
  // back with how the child ended.
  int start_child(UniqueFd* pidfd);
  // After this the callback is not called, and the loop no longer holds the descriptor. Idempotent.
  void stop();
  // Whether the watch keeps the loop alive; it does at first.
  void keep_alive(bool on);
  // The environment is being torn down, or the watch was stopped. Any thread.
  bool abandoned() const { return abandoned_; }

  void add_reference() { references_++; }
  void release();

 private:
  Watch() = default;
  ~Watch() = default;
  static void on_teardown(napi_async_cleanup_hook_handle hook, void* data);
  static void on_event(uv_poll_t* poll, int status, int events);
  static void on_closed(uv_handle_t* handle);
  int start_poll(int fd, int events);
  void drop_hook();
  void call_back(const double* values, size_t count);

  napi_env env_ = nullptr;
  Napi::FunctionReference callback_;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t* poll_ = nullptr;  // of the running libuv's size, which may be larger than this build's
  UniqueFd pidfd_;
  bool keeps_alive_ = true;
  int references_ = 1;
  std::atomic<bool> abandoned_{false};
};

// The JavaScript object that stands for a watch; it takes over the caller's reference. Where no object can be made (a
// worker that is being terminated), the watch is stopped.
Napi::Value watch_object(Napi::Env env, Watch* watch);
