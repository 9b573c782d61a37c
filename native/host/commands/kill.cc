// `kill`: sends a signal to the first process, or with --all to every member.
#include <errno.h>

#include "common/clock.h"
#include "common/pidfd.h"
#include "host/commands/commands.h"
#include "host/commands/signals.h"
#include "host/members/member_set.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

// For a container that makes processes faster than they are found.
constexpr int64_t kTimeoutMs = 10000;

}  // namespace

bool kill_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  UniqueFd init_fd;
  int signal = parse_signal(line.signal);
  if (signal < 0) {
    error.add("unknown signal \"").add(line.signal).add('"');
    return false;
  }
  // Without the lock: a checked pidfd cannot hit a wrong process, and a `run` that hangs must not block a kill.
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  int err = -ESRCH;
  if (line.all && !container.half_made()) {
    raise_descriptor_limit();
    MemberSet members(container.state(), container.fd());
    err = members.signal_all(signal, monotonic_ms() + kTimeoutMs);
    if (err == -EMFILE) {
      add_search_failure(error, err);
      return false;
    }
    if (err >= 0) err = members.delivered_count() == 0 && members.live_count() > 0 ? -EPERM : 0;
  } else if (first_process_runs(container.state(), &init_fd)) {
    err = signal_pidfd(init_fd.get(), signal);
  }
  if (err == 0) return true;
  if (err == -ESRCH) {
    error.add("container not running");
  } else {
    add_reason(error.add("cannot signal container ").add(line.id).add(": "), err);
  }
  return false;
}
