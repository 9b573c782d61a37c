// Pausing without a freezer: SIGSTOP to every member that runs, and later SIGCONT to exactly those. A process that was
// stopped before is left alone both times. Its list is written to state.json before any signal is sent, so that a
// killed `pause` can be undone.
#pragma once

#include "host/members/member_set.h"
#include "host/state/container.h"

class PauseBySignals {
 public:
  // frozen: the processes in the container's cgroup are frozen already.
  PauseBySignals(Container& container, bool frozen, int64_t deadline_ms)
      : container_(container),
        members_(container.state(), container.fd()),
        frozen_(frozen),
        deadline_ms_(deadline_ms) {}

  // True once every member is stopped. False with the reason; some members may be stopped then.
  bool stop_all(TextBuilder& error);

 private:
  bool must_stop(const MemberSet::Member& member) const;
  bool is_stopped(pid_t pid, bool in_vfork) const;
  bool waits_for_vfork(pid_t pid) const;
  bool record_running(TextBuilder& error);
  bool stop_recorded(TextBuilder& error);
  // A member that is not stopped yet, or nullptr.
  const MemberSet::Member* find_running() const;

  Container& container_;
  MemberSet members_;
  bool frozen_;
  int64_t deadline_ms_;
};

// Sends SIGCONT to the processes that were recorded.
void continue_stopped(const ContainerState& state);
