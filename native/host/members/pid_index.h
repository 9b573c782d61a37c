// Where in a list the entry for a pid is: a hash table with linear probing, so that a container with thousands of
// members is not searched from the front for each of them. Holds the newest entry of a pid; nothing is removed but all.
#pragma once

#include <sys/types.h>

#include "common/heap_array.h"

class PidIndex {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // The position that was put in last for this pid, or kNone.
  size_t find(pid_t pid) const;
  // False if memory runs out; then nothing has changed.
  bool put(pid_t pid, size_t position);
  void clear();

 private:
  struct Slot {
    pid_t pid;  // 0: empty
    size_t position;
  };
  size_t slot_of(pid_t pid) const;
  bool grow();

  HeapArray<Slot> slots_;  // a power of two, at most half full
  size_t used_ = 0;
};
