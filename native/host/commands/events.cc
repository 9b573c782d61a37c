// `events --stats`: prints one line about what a container uses, as runc does.
#include <errno.h>

#include "common/clock.h"
#include "common/json_escape.h"
#include "host/cgroup/cgroup.h"
#include "host/commands/commands.h"
#include "host/reason.h"
#include "host/state/container.h"
#include "host/stats/stats.h"

namespace {

// A container that makes processes without end has no complete list of members.
constexpr int64_t kTimeoutMs = 1000;

int gather(Container& container, Stats* stats) {
  UniqueFd cgroup_fd;
  if (open_cgroup(container.fd(), &cgroup_fd) == 0) add_cgroup_stats(cgroup_fd.get(), stats);
  raise_descriptor_limit();
  MemberSet members(container.state(), container.fd());
  int err = members.find_all(monotonic_ms() + kTimeoutMs);
  if (err < 0 && err != -ETIMEDOUT) return err;
  add_member_stats(members, stats);
  return 0;
}

int print(const char* id, const Stats& stats) {
  HeapText out(1024 + stats_json_capacity(stats));
  if (!out.valid()) return -ENOMEM;
  add_json_string(out.add("{\"type\":\"stats\",\"id\":"), id);
  add_stats_json(out.add(",\"data\":"), stats);
  out.add("}\n");
  return out.truncated() ? -EFBIG : write_all(STDOUT_FILENO, out.view());
}

}  // namespace

bool events_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  Status status = container.status();
  if (status == Status::Creating || status == Status::Stopped) {
    error.add("container with id ").add(line.id).add(" is not running");
    return false;
  }
  Stats stats;
  int err = gather(container, &stats);
  if (err < 0) {
    add_search_failure(error, err);
    return false;
  }
  err = print(line.id, stats);
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
