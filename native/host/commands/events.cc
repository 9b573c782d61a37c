// `events --stats`: one line of what a container uses, as runc prints it.
#include <errno.h>

#include "common/clock.h"
#include "host/cgroup/cgroup.h"
#include "host/commands/commands.h"
#include "host/log.h"
#include "host/members/descriptor_limit.h"
#include "host/state/container.h"
#include "host/stats/stats.h"

namespace {

// A container that makes processes without end has no list that is complete.
constexpr int64_t kTimeoutMs = 1000;

int gather(Container& container, Stats* stats) {
  UniqueFd cgroup_fd;
  if (open_cgroup(container.fd(), &cgroup_fd) == 0) add_cgroup_stats(cgroup_fd.get(), stats);
  raise_descriptor_limit();
  MemberSet members(container.state(), container.fd());
  // Signal 0 reaches nobody; it is the walk that is wanted.
  int err = members.reach_all(0, monotonic_ms() + kTimeoutMs);
  if (err < 0 && err != -ETIMEDOUT) return err;
  add_member_stats(members, stats);
  return 0;
}

int print(const char* id, const Stats& stats) {
  size_t capacity = 1024 + stats_json_capacity(stats);
  char* buffer = static_cast<char*>(malloc(capacity));
  if (buffer == nullptr) return -ENOMEM;
  TextBuilder out(buffer, capacity);
  add_json_string(out.add("{\"type\":\"stats\",\"id\":"), id);
  add_stats_json(out.add(",\"data\":"), stats);
  out.add("}\n");
  int err = out.truncated() ? -EFBIG : write_all(STDOUT_FILENO, out.view());
  free(buffer);
  return err;
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
    add_reason(error.add("cannot look for the container's processes: "), err);
    return false;
  }
  err = print(line.id, stats);
  if (err < 0) add_reason(error.add("standard output: "), err);
  return err == 0;
}
