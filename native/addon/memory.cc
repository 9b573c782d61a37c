// Where the memory of buffers lies.
#include <stdint.h>

#include "addon/calls.h"

// (buffer, other): whether the first one's memory lies at a higher address.
Napi::Value is_above_call(const Napi::CallbackInfo& info) {
  uintptr_t address = reinterpret_cast<uintptr_t>(info[0].As<Napi::Uint8Array>().Data());
  uintptr_t other = reinterpret_cast<uintptr_t>(info[1].As<Napi::Uint8Array>().Data());
  return Napi::Boolean::New(info.Env(), address > other);
}
