// flock(2): a lock that the kernel takes back when its holder ends, however it ends.
#include <sys/file.h>

#include "addon/calls.h"

Napi::Value flock_call(const Napi::CallbackInfo& info) {
  return number(info, retried([&] { return flock(int_arg(info, 0), int_arg(info, 1)); }));
}
