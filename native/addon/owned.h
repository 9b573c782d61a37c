// Descriptors that belong to a Node environment (main thread or worker): the addon closes them when it ends, so a
// worker that is terminated leaves none. JavaScript could not: in a terminated worker no code of it runs any more.
#pragma once

#include <cstddef>

#include "addon/napi.h"

// The descriptors of one environment. Used on its thread only.
class OwnedDescriptors {
 public:
  OwnedDescriptors() = default;
  OwnedDescriptors(const OwnedDescriptors&) = delete;
  OwnedDescriptors& operator=(const OwnedDescriptors&) = delete;
  ~OwnedDescriptors();

  // Makes room for `more`. False when memory ran out.
  bool reserve(size_t more = 1);
  // Takes over a descriptor, for which there is room.
  void add(int fd) { fds_[count_++] = fd; }
  // Gives a descriptor up. False when it is not among them.
  bool remove(int fd);

 private:
  int* fds_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
};

// Makes the environment's OwnedDescriptors; called once, when the addon is loaded into it, before any watch is made.
void init_owned_descriptors(Napi::Env env);
