#include "host/members/pause_by_signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "common/clock.h"
#include "common/pid_directory.h"
#include "common/pidfd.h"
#include "common/proc.h"
#include "host/reason.h"

namespace {

// No event reports that a process stopped, unless it is our child.
constexpr int kPollMs = 1;

}  // namespace

// A process in vfork(2) or posix_spawn(3), shown as D, takes no signal until its child calls exec. If that child is
// stopped before its exec, the parent cannot run either, so it counts as stopped.
bool PauseBySignals::waits_for_vfork(pid_t pid) const {
  for (const MemberSet::Member& child : members_.known()) {
    ProcStat stat;
    if (read_proc_stat(child.who.pid, &stat) < 0 || stat.ppid != pid) continue;
    if (never_called_exec(stat) && (stat.state == 'T' || !must_stop(child))) return true;
  }
  return false;
}

// Every thread is stopped: SIGSTOP stops them one after the other. in_vfork: a parent in vfork counts as stopped.
bool PauseBySignals::is_stopped(pid_t pid, bool in_vfork) const {
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

bool PauseBySignals::must_stop(const MemberSet::Member& member) const {
  if (member.adopter || has_ended(member.pidfd)) return false;
  return !(frozen_ && member.in_cgroup);
}

bool PauseBySignals::record_running(TextBuilder& error) {
  ContainerState& state = container_.state();
  bool changed = !frozen_ && !state.paused;
  for (const MemberSet::Member& member : members_.known()) {
    if (!must_stop(member) || state.stopped.contains(member.who) || is_stopped(member.who.pid, false)) continue;
    changed = true;
    if (state.stopped.push(member.who)) continue;
    add_reason(error, ENOMEM);
    return false;
  }
  state.paused = state.paused || changed;
  return !changed || container_.save(error);
}

bool PauseBySignals::stop_recorded(TextBuilder& error) {
  for (const MemberSet::Member& member : members_.known()) {
    if (!must_stop(member) || !container_.state().stopped.contains(member.who)) continue;
    // Stop it again if another process has continued it meanwhile.
    int err = signal_pidfd(member.pidfd, SIGSTOP);
    if (err == 0 || err == -ESRCH) continue;
    add_reason(error.add("cannot stop process ").add_int(member.who.pid).add(": "), err);
    return false;
  }
  return true;
}

const MemberSet::Member* PauseBySignals::find_running() const {
  for (const MemberSet::Member& member : members_.known()) {
    if (must_stop(member) && !is_stopped(member.who.pid, true)) return &member;
  }
  return nullptr;
}

// Race: a member forks after a walk has passed it; its child is linked late, even if the parent was sent a signal. So
// the last walk must begin with every known member stopped, and find no new one. A member that another member continues
// before that one is stopped is stopped again.
bool PauseBySignals::stop_all(TextBuilder& error) {
  bool all_stopped = false;
  for (;;) {
    bool found_new = false;
    int err = members_.walk_once(&found_new);
    if (err < 0) {
      add_search_failure(error, err);
      return false;
    }
    if (!found_new && all_stopped) return true;
    if (!record_running(error) || !stop_recorded(error)) return false;
    const MemberSet::Member* running = find_running();
    all_stopped = running == nullptr;
    if (ms_until(deadline_ms_) == 0) {
      error.add("the container's processes do not stop");
      if (running != nullptr) error.add(": ").add_int(running->who.pid);
      return false;
    }
    if (!all_stopped) (void)poll(nullptr, 0, kPollMs);
  }
}

void continue_stopped(const ContainerState& state) {
  if (!is_this_boot(state)) return;
  for (const ProcessIdentity& who : state.stopped) {
    UniqueFd pidfd;
    if (open_process(who, &pidfd) == 0) (void)signal_pidfd(pidfd.get(), SIGCONT);
  }
}
