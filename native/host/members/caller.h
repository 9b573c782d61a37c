// The process that runs this program, and its ancestors: they are never signalled as members, and a container that they
// belong to cannot be ended or paused by them.
#pragma once

#include <sys/types.h>

#include "host/state/state.h"

class CallerAncestors {
 public:
  // Reads them from /proc, once.
  void read();
  // The caller or one of its ancestors has this pid.
  bool contain(pid_t pid) const { return distance(pid) < pids_.size(); }
  // One of them is this very process, at least `least_distance` generations up (0: the caller itself).
  bool contain(const ProcessIdentity& who, size_t least_distance) const;

 private:
  size_t distance(pid_t pid) const;

  HeapArray<pid_t> pids_;  // the caller first
};

// The caller or one of its ancestors is a member: ending the container would end the caller.
bool caller_is_member(const ContainerState& state, int container_fd);
