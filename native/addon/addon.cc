// The addon's table of exports. No file of the addon keeps state for the whole process, since several threads may load
// it.
#include "addon/calls.h"
#include "addon/napi.h"
#include "addon/owned.h"

namespace {

template <Napi::Value (*call)(const Napi::CallbackInfo&)>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<call>(exports.Env(), name));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  init_owned_descriptors(env);
  add<mkfifo_call>(exports, "mkfifo");
  add<open_call>(exports, "open");
  add<close_call>(exports, "close");
  add<read_call>(exports, "read");
  add<readv_call>(exports, "readv");
  add<read_through_call>(exports, "readThrough");
  add<write_call>(exports, "write");
  add<get_pipe_size_call>(exports, "getPipeSize");
  add<set_pipe_size_call>(exports, "setPipeSize");
  add<bytes_readable_call>(exports, "bytesReadable");
  add<eventfd_call>(exports, "eventfd");
  add<flock_call>(exports, "flock");
  add<inotify_add_watch_call>(exports, "inotifyAddWatch");
  add<inotify_rm_watch_call>(exports, "inotifyRmWatch");
  add<epoll_add_call>(exports, "epollAdd");
  add<epoll_remove_call>(exports, "epollRemove");
  add<epoll_take_call>(exports, "epollTake");
  add<open_owned_call>(exports, "openOwned");
  add<pidfd_open_owned_call>(exports, "pidfdOpenOwned");
  add<eventfd_owned_call>(exports, "eventfdOwned");
  add<epoll_owned_call>(exports, "epollOwned");
  add<inotify_owned_call>(exports, "inotifyOwned");
  add<pipe_owned_call>(exports, "pipeOwned");
  add<close_owned_call>(exports, "closeOwned");
  add<look_at_call>(exports, "lookAt");
  add<look_at_open_call>(exports, "lookAtOpen");
  add<open_and_read_call>(exports, "openAndRead");
  add<is_above_call>(exports, "isAbove");
  add<kill_call>(exports, "kill");
  add<getpgid_call>(exports, "getpgid");
  add<setpgid_call>(exports, "setpgid");
  add<getsid_call>(exports, "getsid");
  add<get_subreaper_call>(exports, "getSubreaper");
  add<set_subreaper_call>(exports, "setSubreaper");
  add<pidfd_open_call>(exports, "pidfdOpen");
  add<pidfd_send_signal_call>(exports, "pidfdSendSignal");
  add<pidfd_has_ended_call>(exports, "pidfdHasEnded");
  add<wait_pidfd_call>(exports, "waitPidfd");
  add<pidfd_is_child_call>(exports, "pidfdIsChild");
  add<watch_call>(exports, "watch");
  add<watch_stop_call>(exports, "watchStop");
  add<watch_ref_call>(exports, "watchRef");
  add<spawn_call>(exports, "spawn");
  return exports;
}

}  // namespace

NODE_API_MODULE(outlive, init)
