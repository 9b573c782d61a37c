// eventfd(2): the counter through which the kernel tells of events that have no descriptor of their own.
#include <sys/eventfd.h>

#include "addon/calls.h"

Napi::Value eventfd_call(const Napi::CallbackInfo& info) {
  unsigned initial = info[0].As<Napi::Number>().Uint32Value();
  return number(info, retried([&] { return eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK); }));
}
