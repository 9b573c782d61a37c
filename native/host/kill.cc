// `kill`: a signal to the first process, or with --all to every member.
#include <errno.h>

#include "host/clock.h"
#include "host/commands.h"
#include "host/members.h"
#include "host/report.h"
#include "host/signals.h"
#include "host/state.h"
#include "host/store.h"

namespace {

// Of a container that makes processes faster than they are found.
constexpr int64_t kTimeoutMs = 10000;

}  // namespace

bool kill_command(const CommandLine& line, TextBuilder& error) {
  UniqueFd root_fd, container_fd, init_fd;
  StateFile file;
  int signal = parse_signal(line.signal);
  if (signal < 0) {
    error.add("unknown signal \"").add(line.signal).add('"');
    return false;
  }
  // No lock: a pidfd that was checked cannot hit a wrong process, and a start that hangs must not keep a kill out.
  if (open_existing(line.root, line.id, &root_fd, &container_fd, error) < 0) return false;
  int err = file.load(container_fd.get(), error);
  if (err < 0 && err != -ENOENT) return false;
  error.clear();
  if (line.all && err == 0) {
    MemberSet members(file.state, container_fd.get());
    err = members.reach_all(signal, monotonic_ms() + kTimeoutMs);
    if (err >= 0) err = members.reached() == 0 && members.live_count() > 0 ? -EPERM : 0;
  } else {
    bool running = err == 0 && first_process_runs(file.state, &init_fd);
    err = running ? pidfd_signal(init_fd.get(), signal) : -ESRCH;
  }
  if (err == 0) return true;
  if (err == -ESRCH) {
    error.add("container not running");
  } else {
    add_reason(error.add("cannot signal container ").add(line.id).add(": "), err);
  }
  return false;
}
