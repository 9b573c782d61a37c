#include "host/members/pause_by_signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "common/clock.h"
#include "common/pid_directory.h"
#include "common/proc.h"
#include "host/cgroup/cgroup.h"
#include "host/log.h"

namespace {

// Nothing tells us when a process that is not our child has stopped.
constexpr int kLookAgainMs = 1;

bool contains(const HeapArray<ProcessIdentity>& list, const ProcessIdentity& who) {
  for (const ProcessIdentity& each : list) {
    if (each == who) return true;
  }
  return false;
}

}  // namespace

// A process in vfork(2) or posix_spawn(3) takes no signal until its child has called exec, and a child that was stopped
// before that never will: such a parent stands as well, and shows as D.
bool Stopping::waits_for_vfork(pid_t pid) const {
  for (const MemberSet::Member& child : members_.known()) {
    ProcStat stat;
    if (read_proc_stat(child.who.pid, &stat) < 0 || stat.ppid != pid) continue;
    if (never_called_exec(stat) && (stat.state == 'T' || !is_ours_to_stop(child))) return true;
  }
  return false;
}

// Every thread of it is stopped: SIGSTOP reaches them one after the other. in_vfork: a parent in vfork counts too.
bool Stopping::stands(pid_t pid, bool in_vfork) const {
  Text<64> path;
  path.add("/proc/").add_int(pid).add("/task");
  PidDirectory threads(path.c_str());
  if (!threads.valid()) return true;
  while (pid_t thread = threads.next()) {
    ProcStat stat;
    if (read_proc_stat(thread, &stat) < 0) continue;
    bool stopped = stat.state == 'T' || stat.state == 't' || stat.state == 'Z' || stat.state == 'X';
    if (!stopped && !(in_vfork && stat.state == 'D' && waits_for_vfork(pid))) return false;
  }
  return true;
}

bool Stopping::is_ours_to_stop(const MemberSet::Member& member) const {
  if (member.adopter || has_ended(member.pidfd)) return false;
  return !(frozen_ && is_in_cgroup(container_.fd(), member.who.pid) == 1);
}

bool Stopping::record_those_that_run(TextBuilder& error) {
  ContainerState& state = container_.state();
  bool changed = !frozen_ && !state.paused;
  for (const MemberSet::Member& member : members_.known()) {
    if (!is_ours_to_stop(member) || contains(state.stopped, member.who) || stands(member.who.pid, false)) continue;
    changed = true;
    if (state.stopped.push(member.who)) continue;
    add_reason(error, ENOMEM);
    return false;
  }
  state.paused = state.paused || changed;
  return !changed || container_.save(error);
}

bool Stopping::stop_recorded(TextBuilder& error) {
  for (const MemberSet::Member& member : members_.known()) {
    if (!is_ours_to_stop(member) || !contains(container_.state().stopped, member.who)) continue;
    // Also one that somebody has continued meanwhile.
    int err = pidfd_signal(member.pidfd, SIGSTOP);
    if (err == 0 || err == -ESRCH) continue;
    add_reason(error.add("cannot stop process ").add_int(member.who.pid).add(": "), err);
    return false;
  }
  return true;
}

const MemberSet::Member* Stopping::find_moving() const {
  for (const MemberSet::Member& member : members_.known()) {
    if (is_ours_to_stop(member) && !stands(member.who.pid, true)) return &member;
  }
  return nullptr;
}

// The race: a member forks after we looked at it; its child is linked late, whatever the parent was sent. So the last
// look must have begun when every known member stood, and find nobody new. A member that another one continues before
// that one stands is stopped again.
bool Stopping::stop_all(TextBuilder& error) {
  bool all_stood = false;
  for (;;) {
    bool found_new = false;
    int err = members_.look(&found_new);
    if (err < 0) {
      add_reason(error.add("cannot look for the container's processes: "), err);
      return false;
    }
    if (!found_new && all_stood) return true;
    if (!record_those_that_run(error) || !stop_recorded(error)) return false;
    const MemberSet::Member* moving = find_moving();
    all_stood = moving == nullptr;
    if (ms_until(deadline_ms_) == 0) {
      error.add("the container's processes do not stop");
      if (moving != nullptr) error.add(": ").add_int(moving->who.pid);
      return false;
    }
    if (!all_stood) (void)poll(nullptr, 0, kLookAgainMs);
  }
}

void continue_stopped(const ContainerState& state) {
  if (!is_this_boot(state)) return;
  for (const ProcessIdentity& who : state.stopped) {
    UniqueFd pidfd;
    if (open_process(who, &pidfd) == 0) (void)pidfd_signal(pidfd.get(), SIGCONT);
  }
}
