// System calls on process ids: kill(2), getpgid(2), setpgid(2), getsid(2), and the subreaper attribute (prctl(2)).
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "addon/calls.h"

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
