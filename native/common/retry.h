// How a system call is made: repeated while a signal interrupts it, its error returned as -errno.
#pragma once

#include <errno.h>

// Repeats the call while it fails with EINTR (signal(7)). Returns its result, or -errno.
template <typename Call>
inline auto retried(Call call) -> decltype(call()) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}
