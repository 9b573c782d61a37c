#include "host/members/end.h"

#include <errno.h>
#include <signal.h>

#include "common/clock.h"
#include "host/cgroup/cgroup.h"
#include "host/members/caller.h"
#include "host/members/member_set.h"
#include "host/reason.h"

namespace {

constexpr int64_t kTimeoutMs = 10000;
constexpr int64_t kCgroupKillMs = 200;

// There are more members than we may open descriptors: kill those that were found, then look for the others.
bool is_out_of_descriptors(int err) { return err == -EMFILE || err == -ENFILE; }

// Stops every member before it kills any. Race: a member forks after a walk has passed it, and is killed before the
// next walk; then nothing leads to its child. A stopped process cannot fork again (except for a fork that it is in),
// and its children stay its children. Finished only when a walk that began after the last known member's end finds
// none.
bool end_members(const ContainerState& state, int container_fd, int64_t deadline_ms, TextBuilder& error) {
  MemberSet members(state, container_fd, MemberSet::RuntimeCalls::Members);
  for (;;) {
    int left = members.signal_all(SIGSTOP, deadline_ms);
    if (left == 1) return true;
    size_t alive = members.live_count();
    if (left < 0 && left != -ETIMEDOUT && !(is_out_of_descriptors(left) && alive > 0)) {
      add_search_failure(error, left);
      return false;
    }
    // We may signal none of the remaining members: waiting would not help.
    bool denied = members.signal_known(SIGKILL) == 0 && members.live_count() > 0;
    if (denied || !members.wait_all(deadline_ms) || ms_until(deadline_ms) == 0) {
      error.add(denied ? "not allowed to end the container's processes:" : "the container's processes do not end:");
      members.add_live_pids(error);
      return false;
    }
    members.forget_ended();
  }
}

}  // namespace

bool end_container(const ContainerState* state, int container_fd, TextBuilder& error) {
  ContainerState nothing;
  if (state == nullptr) state = &nothing;
  int64_t deadline_ms = monotonic_ms() + kTimeoutMs;
  raise_descriptor_limit();
  if (caller_is_member(*state, container_fd)) {
    error.add("outlive-host was called from inside of the container that it is to end");
    return false;
  }
  UniqueFd cgroup_fd;
  // Ignore a failure: the walk also finds the processes in the cgroup, and those outside of it. So this wait is short:
  // cgroup.kill passes over a process whose main thread has ended while others run.
  if (open_cgroup(container_fd, &cgroup_fd) == 0) (void)kill_cgroup(cgroup_fd.get(), monotonic_ms() + kCgroupKillMs);
  if (!end_members(*state, container_fd, deadline_ms, error)) return false;
  int err = remove_cgroup(container_fd);
  if (err < 0) add_reason(error.add("cannot remove the container's cgroup: "), err);
  return err == 0;
}
