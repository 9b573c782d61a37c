#include "host/members/end.h"

#include <errno.h>
#include <signal.h>

#include "common/clock.h"
#include "host/cgroup/cgroup.h"
#include "host/log.h"
#include "host/members/descriptor_limit.h"
#include "host/members/member_set.h"

namespace {

constexpr int64_t kTimeoutMs = 10000;

// More processes than descriptors: those that were found are ended first, the next round finds the others.
bool is_out_of_descriptors(int err) { return err == -EMFILE || err == -ENFILE; }

// Stops every member first. The race: a member forks after we looked at it, and its parent dies before the next look,
// so that nothing leads to the child any more. A stopped process forks no more (but for a fork that it is in the middle
// of), and keeps its children in the tree. Over only when a walk that began after the last known member's end saw
// nobody.
bool end_members(const ContainerState& state, int container_fd, int64_t deadline_ms, TextBuilder& error) {
  MemberSet members(state, container_fd, MemberSet::RuntimeCalls::Members);
  for (;;) {
    int left = members.reach_all(SIGSTOP, deadline_ms);
    if (left == 1) return true;
    size_t alive = members.live_count();
    if (left < 0 && left != -ETIMEDOUT && !(is_out_of_descriptors(left) && alive > 0)) {
      add_reason(error.add("cannot look for the container's processes: "), left);
      return false;
    }
    // Not one is left that we may signal: waiting would not help.
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
  if (MemberSet(*state, container_fd).caller_is_member()) {
    error.add("outlive-host was called from inside of the container that it is to end");
    return false;
  }
  UniqueFd cgroup_fd;
  // What the cgroup's own kill cannot do, or where there is none, the walk does: it looks at the cgroup too.
  if (open_cgroup(container_fd, &cgroup_fd) == 0) (void)kill_cgroup(cgroup_fd.get(), deadline_ms);
  if (!end_members(*state, container_fd, deadline_ms, error)) return false;
  int err = remove_cgroup(container_fd);
  if (err < 0) add_reason(error.add("cannot remove the container's cgroup: "), err);
  return err == 0;
}
