// Pausing without a freezer: SIGSTOP to every member that runs, and SIGCONT later to exactly these. Who had stopped
// before is left alone both times. What is to be stopped is written down first, so that a pause that is killed can be
// taken back.
#pragma once

#include "host/members/member_set.h"
#include "host/state/container.h"

class Stopping {
 public:
  // frozen: those in the container's cgroup stand still already.
  Stopping(Container& container, bool frozen, int64_t deadline_ms)
      : container_(container),
        members_(container.state(), container.fd()),
        frozen_(frozen),
        deadline_ms_(deadline_ms) {}

  // True when every member stands; false with the reason, and then some may have been stopped.
  bool stop_all(TextBuilder& error);

 private:
  bool is_ours_to_stop(const MemberSet::Member& member) const;
  bool stands(pid_t pid, bool in_vfork) const;
  bool waits_for_vfork(pid_t pid) const;
  bool record_those_that_run(TextBuilder& error);
  bool stop_recorded(TextBuilder& error);
  // One that does not stand yet.
  const MemberSet::Member* find_moving() const;

  Container& container_;
  MemberSet members_;
  bool frozen_;
  int64_t deadline_ms_;
};

// SIGCONT to those that were recorded.
void continue_stopped(const ContainerState& state);
