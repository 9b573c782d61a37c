// `kill`: a signal to the first process, or with --all to every member.
#include <errno.h>

#include "common/clock.h"
#include "host/commands/commands.h"
#include "host/commands/signals.h"
#include "host/log.h"
#include "host/members/member_set.h"
#include "host/state/container.h"

namespace {

// Of a container that makes processes faster than they are found.
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
  // No lock: a pidfd that was checked cannot hit a wrong process, and a start that hangs must not keep a kill out.
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  int err = -ESRCH;
  if (line.all && !container.half_made()) {
    MemberSet members(container.state(), container.fd());
    err = members.reach_all(signal, monotonic_ms() + kTimeoutMs);
    if (err >= 0) err = members.reached() == 0 && members.live_count() > 0 ? -EPERM : 0;
  } else if (first_process_runs(container.state(), &init_fd)) {
    err = pidfd_signal(init_fd.get(), signal);
  }
  if (err == 0) return true;
  if (err == -ESRCH) {
    error.add("container not running");
  } else {
    add_reason(error.add("cannot signal container ").add(line.id).add(": "), err);
  }
  return false;
}
