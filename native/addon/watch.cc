// One-shot readiness on libuv's loop. A watch is ended by its owner or its event, or by the teardown of the environment
// (a worker is terminated). uv_close() is asynchronous, and no open handle may be left on the loop. So the teardown
// hook is an asynchronous one, and the close callback removes it, whoever started the close.
//
// Memory: one reference each for the JavaScript object, for the open handle, and for a spawn in flight.
#include "addon/watch.h"

#include <stdlib.h>

#include <new>

#include "addon/calls.h"
#include "addon/child_exit.h"

namespace {

// Reports an exception of a callback as uncaught, as Node does. There is none if a worker is being stopped.
void report_uncaught(napi_env env) {
  bool pending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

}  // namespace

Watch* Watch::create(Napi::Env env, Napi::Function callback) {
  Watch* watch = new (std::nothrow) Watch();
  if (watch == nullptr) return nullptr;
  watch->env_ = env;
  watch->callback_ = Napi::Persistent(callback);
  napi_async_init(env, nullptr, Napi::String::New(env, "OutliveWatch"), &watch->context_);
  napi_add_async_cleanup_hook(env, on_teardown, watch, &watch->hook_);
  return watch;
}

int Watch::start(int fd, int events) { return abandoned_ ? -ECANCELED : start_poll(fd, events); }

int Watch::start_repeating(int fd, int events) {
  repeats_ = true;
  return start(fd, events);
}

int Watch::start_child(UniqueFd* pidfd) {
  if (abandoned_) return -ECANCELED;
  int result = start_poll(pidfd->get(), UV_READABLE);
  if (result >= 0) pidfd_.reset(pidfd->release());
  return result;
}

int Watch::start_poll(int fd, int events) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok) return -ECANCELED;
  uv_poll_t* poll = static_cast<uv_poll_t*>(malloc(uv_handle_size(UV_POLL)));
  if (poll == nullptr) return -ENOMEM;
  // On Linux libuv's errors are -errno.
  int result = uv_poll_init(loop, poll, fd);
  if (result < 0) {
    free(poll);
    return result;
  }
  poll_ = poll;
  events_ = events;
  add_reference();
  uv_handle_set_data(reinterpret_cast<uv_handle_t*>(poll), this);
  result = uv_poll_start(poll, events, on_event);
  if (result < 0) stop();
  keep_alive(keeps_alive_);
  return result;
}

void Watch::keep_alive(bool on) {
  keeps_alive_ = on;
  if (poll_ == nullptr) return;
  uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(poll_);
  if (on) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}

void Watch::stop() {
  if (abandoned_.exchange(true)) return;
  callback_.Reset();
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  context_ = nullptr;
  if (poll_ == nullptr) {
    drop_hook();
    return;
  }
  // Removes the descriptor from the loop at once. Only the handle's memory is needed until on_closed().
  uv_close(reinterpret_cast<uv_handle_t*>(poll_), on_closed);
  poll_ = nullptr;
  pidfd_.reset();
}

void Watch::on_closed(uv_handle_t* handle) {
  Watch* watch = static_cast<Watch*>(uv_handle_get_data(handle));
  free(handle);
  watch->drop_hook();
  watch->release();
}

void Watch::on_teardown(napi_async_cleanup_hook_handle, void* data) {
  Watch* watch = static_cast<Watch*>(data);
  // If it is stopped already, on_closed() is still to come and removes the hook.
  if (!watch->abandoned_) watch->stop();
}

void Watch::drop_hook() {
  napi_remove_async_cleanup_hook(hook_);
  hook_ = nullptr;
}

void Watch::release() {
  if (--references_ == 0) delete this;
}

void Watch::on_event(uv_poll_t* poll, int status, int) {
  Watch* watch = static_cast<Watch*>(uv_handle_get_data(reinterpret_cast<uv_handle_t*>(poll)));
  double values[1 + kChildExitFields] = {};
  size_t count = 0;
  if (watch->pidfd_.valid()) {
    ChildExit exit;
    int result = reap_pidfd(watch->pidfd_.get(), &exit);
    // The child has ended but cannot be reaped yet, because its tracer (ptrace(2)) comes first. The event comes again.
    if (result == 0) return;
    values[count++] = result < 0 ? result : 0;
    if (result > 0) {
      child_exit_fields(exit, values + 1);
      count += kChildExitFields;
    }
  }
  watch->call_back(values, count);
  // libuv stops a poll that meets an error. The callback has not stopped the watch, so it has yet to see the error.
  if (status < 0 && watch->poll_ != nullptr) (void)uv_poll_start(poll, watch->events_, on_event);
}

// A watch that reports once is stopped before it calls JavaScript: the callback may close the descriptor or watch it
// again.
void Watch::call_back(const double* values, size_t count) {
  Napi::HandleScope handles(env_);
  // The context must live longer than the scope that is opened on it, also if the callback stops the watch.
  napi_async_context context = context_;
  context_ = nullptr;
  Napi::Function callback = callback_.Value();
  if (!repeats_) stop();
  run_callback(context, callback, values, count);
  if (repeats_ && !abandoned_) {
    context_ = context;
  } else {
    napi_async_destroy(env_, context);
  }
}

// Closing the scope runs process.nextTick() and promise callbacks, and reports their exceptions as Node does.
void Watch::run_callback(napi_async_context context, napi_value callback, const double* values, size_t count) {
  Napi::Env env(env_);
  napi_callback_scope scope = nullptr;
  if (napi_open_callback_scope(env, nullptr, context, &scope) != napi_ok) return;
  napi_value arguments[1 + kChildExitFields];
  for (size_t i = 0; i < count; i++) arguments[i] = Napi::Number::New(env, values[i]);
  napi_value unused;
  napi_call_function(env, env.Global(), callback, count, arguments, &unused);
  report_uncaught(env);
  napi_close_callback_scope(env, scope);
}

Napi::Value watch_object(Napi::Env env, Watch* watch) {
  auto finalize = [](napi_env, void* data, void*) { static_cast<Watch*>(data)->release(); };
  napi_value object = nullptr;
  if (napi_create_external(env, watch, finalize, nullptr, &object) != napi_ok) {
    watch->stop();
    watch->release();
    return env.Undefined();
  }
  return Napi::Value(env, object);
}

// (fd, true to wait for room to write, false to wait for something to read, true to report until it is stopped,
// callback)
Napi::Value watch_call(const Napi::CallbackInfo& info) {
  Watch* watch = Watch::create(info.Env(), info[3].As<Napi::Function>());
  if (watch == nullptr) return number(info, -ENOMEM);
  int fd = int_arg(info, 0);
  int events = info[1].As<Napi::Boolean>().Value() ? UV_WRITABLE : UV_READABLE | UV_DISCONNECT;
  int result = info[2].As<Napi::Boolean>().Value() ? watch->start_repeating(fd, events) : watch->start(fd, events);
  if (result < 0) {
    watch->stop();
    watch->release();
    return number(info, result);
  }
  return watch_object(info.Env(), watch);
}

Napi::Value watch_stop_call(const Napi::CallbackInfo& info) {
  info[0].As<Napi::External<Watch>>().Data()->stop();
  return info.Env().Undefined();
}

Napi::Value watch_ref_call(const Napi::CallbackInfo& info) {
  info[0].As<Napi::External<Watch>>().Data()->keep_alive(info[1].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}
