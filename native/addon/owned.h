// Descriptors that belong to a Node environment (main thread or worker): the addon closes them when it ends, so a
// worker that is terminated leaves none. JavaScript could not: in a terminated worker no code of it runs any more.
#pragma once

#include <cstddef>

#include "addon/descriptor_table.h"
#include "addon/napi.h"

// The descriptors of one environment. Used on its thread only.
class OwnedDescriptors {
 public:
  OwnedDescriptors() = default;
  OwnedDescriptors(const OwnedDescriptors&) = delete;
  OwnedDescriptors& operator=(const OwnedDescriptors&) = delete;
  ~OwnedDescriptors();

  // Takes over a descriptor of this environment. False when memory ran out; then the caller still has it.
  bool take(napi_env env, int fd);
  // Gives a descriptor up. False when it is not among them.
  bool remove(int fd);

 private:
  // By their numbers, which are small: there may be thousands, and each is found at once.
  bool* is_owned_ = nullptr;
  size_t size_ = 0;
  DescriptorTable table_;
};

// The environment's; nullptr if memory ran out when the addon was loaded.
OwnedDescriptors* owned_descriptors(napi_env env);

// Makes the environment's OwnedDescriptors; called once, when the addon is loaded into it, before any watch is made.
void init_owned_descriptors(Napi::Env env);
