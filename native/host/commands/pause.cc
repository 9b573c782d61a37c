// `pause` and `resume`: by the cgroup's freezer; by signals for members outside of the cgroup, or if there is no
// freezer.
#include <errno.h>

#include "common/clock.h"
#include "common/pidfd.h"
#include "host/cgroup/freeze.h"
#include "host/commands/commands.h"
#include "host/members/caller.h"
#include "host/members/pause_by_signals.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

constexpr int64_t kTimeoutMs = 10000;

bool resume_all(Container& container, TextBuilder& error) {
  int err = thaw_cgroup(container.fd(), monotonic_ms() + kTimeoutMs);
  continue_stopped(container.state());
  if (err < 0 && err != -ENOENT) {
    add_reason(error.add("cannot thaw the container's cgroup: "), err);
    return false;
  }
  if (!container.state().paused) return true;
  // Last, so that a `resume` that is killed before this can be repeated.
  container.state().paused = false;
  container.state().stopped.clear();
  return container.save(error);
}

bool pause_all(Container& container, TextBuilder& error) {
  int64_t deadline_ms = monotonic_ms() + kTimeoutMs;
  raise_descriptor_limit();
  if (caller_is_member(container.state(), container.fd())) {
    error.add("outlive-host was called from inside of the container that it is to pause");
    return false;
  }
  int err = freeze_cgroup(container.fd(), deadline_ms);
  if (err < 0 && err != -ENOENT) {
    add_reason(error.add("cannot freeze the container's cgroup: "), err);
    return false;
  }
  bool done = PauseBySignals(container, err == 0, deadline_ms).stop_all(error);
  // The first process may have ended meanwhile. Then its shim calls `delete`, and that call must not stay stopped.
  if (done && has_ended(container.init_fd())) {
    error.add("container not running");
    done = false;
  }
  Text<1024> ignored;
  if (!done) (void)resume_all(container, ignored);
  return done;
}

}  // namespace

bool pause_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  Status status = container.status();
  if (status == Status::Running || status == Status::Created) return pause_all(container, error);
  error.add("container not running");
  return false;
}

bool resume_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  if (container.status() == Status::Paused) return resume_all(container, error);
  error.add("container not paused");
  return false;
}
