// System calls on processes: by pid kill(2), getpgid(2), setpgid(2), getsid(2) and the subreaper attribute (prctl(2));
// by pidfd pidfd_open(2), pidfd_send_signal(2), waitid(2).
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "addon/calls.h"
#include "addon/child_exit.h"
#include "common/pidfd.h"

Napi::Value kill_call(const Napi::CallbackInfo& info) {
  return number(info, kill(int_arg(info, 0), int_arg(info, 1)) < 0 ? -errno : 0);
}

Napi::Value getpgid_call(const Napi::CallbackInfo& info) {
  pid_t group = getpgid(int_arg(info, 0));
  return number(info, group < 0 ? -errno : group);
}

Napi::Value setpgid_call(const Napi::CallbackInfo& info) {
  return number(info, setpgid(int_arg(info, 0), int_arg(info, 1)) < 0 ? -errno : 0);
}

Napi::Value getsid_call(const Napi::CallbackInfo& info) {
  pid_t session = getsid(int_arg(info, 0));
  return number(info, session < 0 ? -errno : session);
}

Napi::Value get_subreaper_call(const Napi::CallbackInfo& info) {
  int on = 0;
  return number(info, prctl(PR_GET_CHILD_SUBREAPER, &on, 0, 0, 0) < 0 ? -errno : on);
}

Napi::Value set_subreaper_call(const Napi::CallbackInfo& info) {
  unsigned long on = int_arg(info, 0) != 0 ? 1 : 0;
  return number(info, prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) < 0 ? -errno : 0);
}

Napi::Value pidfd_open_call(const Napi::CallbackInfo& info) { return number(info, open_pidfd(int_arg(info, 0))); }

// (pidfd, signal, true for the process group)
Napi::Value pidfd_send_signal_call(const Napi::CallbackInfo& info) {
  bool to_group = info[2].As<Napi::Boolean>().Value();
  return number(info, (to_group ? signal_group_of_pidfd : signal_pidfd)(int_arg(info, 0), int_arg(info, 1)));
}

Napi::Value pidfd_has_ended_call(const Napi::CallbackInfo& info) { return number(info, poll_pidfd(int_arg(info, 0))); }

Napi::Value wait_pidfd_call(const Napi::CallbackInfo& info) {
  ChildExit exit;
  int result = reap_pidfd(int_arg(info, 0), &exit);
  if (result <= 0) return number(info, result);
  double fields[kChildExitFields];
  child_exit_fields(exit, fields);
  Napi::Array out = Napi::Array::New(info.Env(), kChildExitFields);
  for (uint32_t i = 0; i < kChildExitFields; i++) out.Set(i, fields[i]);
  return out;
}

Napi::Value pidfd_is_child_call(const Napi::CallbackInfo& info) { return number(info, is_child(int_arg(info, 0))); }
