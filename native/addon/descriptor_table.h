// The kernel's table of this process's descriptors. It grows when it is full; if threads share it, as Node's do, the
// open(2) that needs more waits for an RCU grace period (expand_fdtable() in the kernel's fs/file.c): 5 to 15 ms of the
// event loop at the 256th, 512th, 1024th … descriptor. So a thread of libuv's pool enlarges it before it is full.
#pragma once

#include "addon/napi.h"

// The table as one environment has asked for it. Another one may have asked for more: then a growth costs nothing.
class DescriptorTable {
 public:
  // To be called with each descriptor that is owned. Does not wait. If memory or descriptors are short, nothing is
  // enlarged.
  void opened(napi_env env, int fd);

 private:
  int size_ = 256;
};
