// What the addon exports, one function for each system call, and how values cross the border to JavaScript. TypeScript
// has checked every argument; a path is a string, or a byte array that ends in NUL; a result is a number >= 0 or
// -errno. No policy.
#pragma once

#include <errno.h>
#include <limits.h>

#include "addon/napi.h"
#include "common/retry.h"

// The call was not made, because it could block the event loop. EDEADLK stands for this, since none of these calls can
// fail with it.
constexpr int kWouldBlock = -EDEADLK;

inline int int_arg(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int32Value(); }

// An argument that is a path. A text is copied without an object for its bytes; what is cut off of a very long one is
// behind PATH_MAX, so that the kernel refuses it as it would the whole (ENAMETOOLONG).
class PathArg {
 public:
  PathArg(const Napi::CallbackInfo& info, size_t index) {
    if (info[index].IsString()) {
      text_[0] = '\0';
      napi_get_value_string_utf8(info.Env(), info[index], text_, sizeof text_, nullptr);
      path_ = text_;
    } else {
      path_ = reinterpret_cast<const char*>(info[index].As<Napi::Uint8Array>().Data());
    }
  }
  PathArg(const PathArg&) = delete;
  PathArg& operator=(const PathArg&) = delete;
  const char* c_str() const { return path_; }

 private:
  char text_[PATH_MAX + 8];  // a character of UTF-8 is cut off whole: at most 3 bytes less
  const char* path_;
};

inline Napi::Value number(const Napi::CallbackInfo& info, double value) { return Napi::Number::New(info.Env(), value); }

// files.cc
Napi::Value mkfifo_call(const Napi::CallbackInfo& info);
Napi::Value open_call(const Napi::CallbackInfo& info);
Napi::Value close_call(const Napi::CallbackInfo& info);
Napi::Value read_call(const Napi::CallbackInfo& info);
Napi::Value readv_call(const Napi::CallbackInfo& info);
Napi::Value read_through_call(const Napi::CallbackInfo& info);
Napi::Value write_call(const Napi::CallbackInfo& info);
Napi::Value get_pipe_size_call(const Napi::CallbackInfo& info);
Napi::Value set_pipe_size_call(const Napi::CallbackInfo& info);
Napi::Value bytes_readable_call(const Napi::CallbackInfo& info);
Napi::Value eventfd_call(const Napi::CallbackInfo& info);
Napi::Value flock_call(const Napi::CallbackInfo& info);
Napi::Value inotify_add_watch_call(const Napi::CallbackInfo& info);
Napi::Value inotify_rm_watch_call(const Napi::CallbackInfo& info);

// epoll.cc
Napi::Value epoll_add_call(const Napi::CallbackInfo& info);
Napi::Value epoll_remove_call(const Napi::CallbackInfo& info);
Napi::Value epoll_take_call(const Napi::CallbackInfo& info);

// owned.cc
Napi::Value open_owned_call(const Napi::CallbackInfo& info);
Napi::Value pidfd_open_owned_call(const Napi::CallbackInfo& info);
Napi::Value eventfd_owned_call(const Napi::CallbackInfo& info);
Napi::Value epoll_owned_call(const Napi::CallbackInfo& info);
Napi::Value inotify_owned_call(const Napi::CallbackInfo& info);
Napi::Value pipe_owned_call(const Napi::CallbackInfo& info);
Napi::Value close_owned_call(const Napi::CallbackInfo& info);

// looks.cc
Napi::Value look_at_call(const Napi::CallbackInfo& info);
Napi::Value look_at_open_call(const Napi::CallbackInfo& info);
Napi::Value open_and_read_call(const Napi::CallbackInfo& info);

// memory.cc
Napi::Value is_above_call(const Napi::CallbackInfo& info);

// processes.cc
Napi::Value kill_call(const Napi::CallbackInfo& info);
Napi::Value getpgid_call(const Napi::CallbackInfo& info);
Napi::Value setpgid_call(const Napi::CallbackInfo& info);
Napi::Value getsid_call(const Napi::CallbackInfo& info);
Napi::Value get_subreaper_call(const Napi::CallbackInfo& info);
Napi::Value set_subreaper_call(const Napi::CallbackInfo& info);
Napi::Value pidfd_open_call(const Napi::CallbackInfo& info);
Napi::Value pidfd_send_signal_call(const Napi::CallbackInfo& info);
Napi::Value pidfd_has_ended_call(const Napi::CallbackInfo& info);
Napi::Value wait_pidfd_call(const Napi::CallbackInfo& info);
Napi::Value pidfd_is_child_call(const Napi::CallbackInfo& info);

// watch.cc
Napi::Value watch_call(const Napi::CallbackInfo& info);
Napi::Value watch_stop_call(const Napi::CallbackInfo& info);
Napi::Value watch_ref_call(const Napi::CallbackInfo& info);

// spawn.cc
Napi::Value spawn_call(const Napi::CallbackInfo& info);
