#include "host/members/caller.h"

#include <unistd.h>

#include "common/proc.h"
#include "host/cgroup/membership.h"

void CallerAncestors::read() {
  if (!pids_.empty()) return;
  pid_t pid = getpid();
  ProcStat stat;
  while (pid > 0 && pids_.push(pid) && read_proc_stat(pid, &stat) == 0) pid = stat.ppid;
}

size_t CallerAncestors::distance(pid_t pid) const {
  size_t i = 0;
  while (i < pids_.size() && pids_[i] != pid) i++;
  return i;
}

bool CallerAncestors::contain(const ProcessIdentity& who, size_t least_distance) const {
  size_t found = distance(who.pid);
  UniqueFd pidfd;
  return found >= least_distance && found < pids_.size() && open_process(who, &pidfd) == 0;
}

bool caller_is_member(const ContainerState& state, int container_fd) {
  CallerAncestors ancestors;
  ancestors.read();
  if (CgroupMembership(container_fd).contains(getpid()) == 1) return true;
  if (!is_this_boot(state)) return false;
  if (ancestors.contain(state.init, 0)) return true;
  for (const ProcessIdentity& exec : state.execs) {
    if (ancestors.contain(exec, 0)) return true;
  }
  for (const ProcessIdentity& adopter : state.adopters) {
    // A runtime call by an adopter is its child, or names it in OUTLIVE_SUBREAPER if a wrapper stands in between. Any
    // other process below an adopter was adopted by it.
    if (ancestors.contain(adopter, 2) && named_adopter() != adopter.pid) return true;
  }
  return false;
}
