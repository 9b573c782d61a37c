// A watch of a descriptor on the event loop of one Node environment (main thread or worker): libuv's uv_poll, one
// JavaScript callback, and a clean end if the environment is torn down first. It reports once, or until it is stopped.
// A watch of a child's pidfd owns that descriptor and reaps the child. Used only on its environment's thread, except
// for abandoned().
#pragma once

#include <uv.h>

#include <atomic>

#include "addon/napi.h"
#include "common/unique_fd.h"

class Watch {
 public:
  // A watch that watches nothing yet; nullptr if memory runs out. The caller has the one reference.
  static Watch* create(Napi::Env env, Napi::Function callback);

  // Calls back once, when `fd` is ready for `events` (uv_poll_event), hung up or in error. Borrows it: call stop()
  // before the descriptor is closed. 0 or -errno: EEXIST (this loop already watches that descriptor), EPERM (a regular
  // file, which has no readiness), EBADF.
  int start(int fd, int events);
  // The same, but calls back in each turn of the loop in which the descriptor is so, until stop().
  int start_repeating(int fd, int events);
  // The same for a child's pidfd. Unless it fails, it owns the descriptor; at the child's end it reaps the child,
  // closes the descriptor and calls back with how the child ended.
  int start_child(UniqueFd* pidfd);
  // From now on the callback is not called, and the loop does not use the descriptor. May be called again.
  void stop();
  // Sets whether the watch keeps the loop alive. At first it does.
  void keep_alive(bool on);
  // The environment is being torn down, or the watch was stopped. May be called on any thread.
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
  void run_callback(napi_async_context context, napi_value callback, const double* values, size_t count);

  napi_env env_ = nullptr;
  Napi::FunctionReference callback_;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t* poll_ = nullptr;  // allocated in the size of the running libuv, which may differ from this build's
  int events_ = 0;
  UniqueFd pidfd_;
  bool keeps_alive_ = true;
  bool repeats_ = false;
  int references_ = 1;
  std::atomic<bool> abandoned_{false};
};

// The JavaScript object for a watch; it takes over the caller's reference. If no object can be made, because a worker
// is being terminated, the watch is stopped.
Napi::Value watch_object(Napi::Env env, Watch* watch);
