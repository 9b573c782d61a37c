// `pause` and `resume`: by the cgroup's freezer, and by signals where there is none or who is outside of it.
#include <errno.h>

#include "common/clock.h"
#include "host/cgroup/freeze.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/members/descriptor_limit.h"
#include "host/members/pause_by_signals.h"
#include "host/state/container.h"

namespace {

constexpr int64_t kTimeoutMs = 10000;

bool let_all_go_on(Container& container, TextBuilder& error) {
  int err = thaw_cgroup(container.fd(), monotonic_ms() + kTimeoutMs);
  continue_stopped(container.state());
  if (err < 0 && err != -ENOENT) {
    add_reason(error.add("cannot thaw the container's cgroup: "), err);
    return false;
  }
  if (!container.state().paused) return true;
  // Last: a resume that is killed before can be repeated.
  container.state().paused = false;
  container.state().stopped.clear();
  return container.save(error);
}

bool pause_all(Container& container, TextBuilder& error) {
  int64_t deadline_ms = monotonic_ms() + kTimeoutMs;
  raise_descriptor_limit();
  if (MemberSet(container.state(), container.fd()).caller_is_member()) {
    error.add("outlive-host was called from inside of the container that it is to pause");
    return false;
  }
  int err = freeze_cgroup(container.fd(), deadline_ms);
  if (err < 0 && err != -ENOENT) {
    add_reason(error.add("cannot freeze the container's cgroup: "), err);
    return false;
  }
  bool done = Stopping(container, err == 0, deadline_ms).stop_all(error);
  // It may have ended while the others were being stopped; its shim's `delete` must not stay among them.
  if (done && has_ended(container.init_fd())) {
    error.add("container not running");
    done = false;
  }
  Text<1024> ignored;
  if (!done) (void)let_all_go_on(container, ignored);
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
  if (container.status() == Status::Paused) return let_all_go_on(container, error);
  error.add("container not paused");
  return false;
}
