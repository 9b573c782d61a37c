// spawn as JavaScript calls it: copies the request, runs spawn_child() on a thread of libuv's pool, hands over pid and
// pidfd, and later how the child ended. Duplicates the caller's descriptors before the call returns, so the caller may
// close its own at once.
//
// Teardown: the environment waits for work in flight. A spawn that has not begun by then does not begin. One that has
// begun makes a child of which nobody is told: it lives on, and its pidfd is closed here.
#include <fcntl.h>
#include <signal.h>

#include <new>

#include "addon/calls.h"
#include "addon/spawn_child.h"
#include "addon/string_block.h"
#include "addon/watch.h"
#include "common/pidfd.h"

namespace {

class SpawnWork {
 public:
  SpawnWork() = default;
  SpawnWork(const SpawnWork&) = delete;
  SpawnWork& operator=(const SpawnWork&) = delete;
  ~SpawnWork() {
    delete[] stdio_fds_;
    if (watch_ != nullptr) watch_->release();
  }

  int take_arguments(const Napi::CallbackInfo& info);
  // The watch as an object, once the work is queued. Otherwise -errno, and the caller still owns the work.
  Napi::Value queue(const Napi::CallbackInfo& info);

 private:
  static void execute(napi_env env, void* data);
  static void complete(napi_env env, napi_status status, void* data);
  int take_stdio(const int32_t* fds, size_t count);
  void deliver(Napi::Env env);

  StringBlock candidates_, argv_, envp_, cwd_;
  UniqueFd* stdio_fds_ = nullptr;
  SpawnRequest request_ = {};
  SpawnedChild child_;
  int result_ = -ECANCELED;
  Watch* watch_ = nullptr;  // holds a reference
  Napi::FunctionReference on_done_;
  napi_async_work work_ = nullptr;
};

bool take_block(const Napi::CallbackInfo& info, size_t index, StringBlock* block) {
  size_t size = 0;
  if (info[index].IsString()) {
    if (napi_get_value_string_utf8(info.Env(), info[index], nullptr, 0, &size) != napi_ok) return false;
    char* to = block->reserve(size);
    // Writes a NUL behind the text.
    return to != nullptr && napi_get_value_string_utf8(info.Env(), info[index], to, size + 1, &size) == napi_ok &&
           block->index(size);
  }
  Napi::Uint8Array bytes = info[index].As<Napi::Uint8Array>();
  size = bytes.ByteLength();
  char* to = block->reserve(size);
  if (to == nullptr) return false;
  if (size > 0) memcpy(to, bytes.Data(), size);
  return block->index(size);
}

// (candidates, argv, env, cwd, stdio fds, new session, process group, detach, on done, on exit). An empty cwd stands
// for none.
int SpawnWork::take_arguments(const Napi::CallbackInfo& info) {
  if (!take_block(info, 0, &candidates_) || !take_block(info, 1, &argv_) || !take_block(info, 2, &envp_) ||
      !take_block(info, 3, &cwd_)) {
    return -ENOMEM;
  }
  Napi::Int32Array fds = info[4].As<Napi::Int32Array>();
  int result = take_stdio(fds.Data(), fds.ElementLength());
  if (result < 0) return result;
  request_.candidates = candidates_.pointers();
  request_.argv = argv_.pointers();
  request_.envp = envp_.pointers();
  request_.cwd = cwd_.first();
  request_.stdio_fds = stdio_fds_;
  request_.stdio_count = static_cast<int>(fds.ElementLength());
  request_.new_session = info[5].As<Napi::Boolean>().Value();
  request_.process_group = int_arg(info, 6);
  request_.detach = info[7].As<Napi::Boolean>().Value();
  on_done_ = Napi::Persistent(info[8].As<Napi::Function>());
  watch_ = Watch::create(info.Env(), info[9].As<Napi::Function>());
  return watch_ == nullptr ? -ENOMEM : 0;
}

// Duplicates each descriptor to a number above those that the child's descriptors will have; -1 stays so.
int SpawnWork::take_stdio(const int32_t* fds, size_t count) {
  stdio_fds_ = new (std::nothrow) UniqueFd[count];
  if (stdio_fds_ == nullptr) return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    if (fds[i] < 0) continue;
    stdio_fds_[i].reset(fcntl(fds[i], F_DUPFD_CLOEXEC, static_cast<int>(count)));
    if (!stdio_fds_[i].valid()) return -errno;
  }
  return 0;
}

Napi::Value SpawnWork::queue(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::String name = Napi::String::New(env, "OutliveSpawn");
  if (napi_create_async_work(env, nullptr, name, execute, complete, this, &work_) != napi_ok) {
    return number(info, -ENOMEM);
  }
  if (napi_queue_async_work(env, work_) != napi_ok) {
    napi_delete_async_work(env, work_);
    return number(info, -ECANCELED);
  }
  watch_->add_reference();
  return watch_object(env, watch_);
}

void SpawnWork::execute(napi_env, void* data) {
  SpawnWork* self = static_cast<SpawnWork*>(data);
  self->result_ = self->watch_->abandoned() ? -ECANCELED : spawn_child(self->request_, &self->child_);
}

void SpawnWork::complete(napi_env raw_env, napi_status, void* data) {
  SpawnWork* self = static_cast<SpawnWork*>(data);
  Napi::Env env(raw_env);
  Napi::HandleScope handles(env);
  napi_delete_async_work(env, self->work_);
  if (!self->watch_->abandoned()) self->deliver(env);
  self->on_done_.Reset();
  delete self;
}

// Starts the watch first, so that the pidfd has an owner even if the call into JavaScript fails.
void SpawnWork::deliver(Napi::Env env) {
  int pidfd = child_.pidfd.get();
  int step = static_cast<int>(child_.failed_step);
  int result = result_;
  if (result == 0) {
    result = watch_->start_child(&child_.pidfd);
    // There is no memory for a watch, or a caller closed a watched descriptor and the pidfd got its number. After an
    // error no child may run, so it is killed. Its zombie is left until this process ends.
    if (result < 0) signal_pidfd(pidfd, SIGKILL);
  }
  if (result < 0) watch_->stop();
  const double values[] = {static_cast<double>(result), static_cast<double>(step), static_cast<double>(child_.pid),
                           static_cast<double>(pidfd)};
  napi_value arguments[4];
  for (size_t i = 0; i < 4; i++) arguments[i] = Napi::Number::New(env, values[i]);
  napi_value unused;
  // An exception stays pending: Node reports it as uncaught when this returns to the loop.
  napi_call_function(env, env.Global(), on_done_.Value(), 4, arguments, &unused);
}

}  // namespace

Napi::Value spawn_call(const Napi::CallbackInfo& info) {
  SpawnWork* work = new (std::nothrow) SpawnWork();
  if (work == nullptr) return number(info, -ENOMEM);
  int result = work->take_arguments(info);
  if (result < 0) {
    delete work;
    return number(info, result);
  }
  Napi::Value queued = work->queue(info);
  if (queued.IsNumber()) {
    delete work;
  }
  return queued;
}
