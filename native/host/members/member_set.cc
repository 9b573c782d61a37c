#include "host/members/member_set.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/proc.h"
#include "host/cgroup/cgroup.h"

namespace {

constexpr int kByCgroup = -1;

bool run_same_file(const char* pid, pid_t other) {
  Text<32> ours, theirs;
  struct stat a, b;
  ours.add("/proc/").add(pid).add("/exe");
  theirs.add("/proc/").add_int(other).add("/exe");
  return stat(ours.c_str(), &a) == 0 && stat(theirs.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A child of a shim that runs this very program, or is the shim's copy that is about to.
bool is_runtime_call(pid_t pid, pid_t shim, const ProcStat& stat) {
  if (run_same_file("self", pid)) return true;
  Text<16> name;
  return never_called_exec(stat) && run_same_file(name.add_int(shim).c_str(), pid);
}

}  // namespace

MemberSet::~MemberSet() {
  for (Member& member : members_) close(member.pidfd);
}

void MemberSet::read_ancestors() {
  if (!ancestors_.empty()) return;
  pid_t pid = getpid();
  ProcStat stat;
  while (pid > 0 && ancestors_.push(pid) && read_proc_stat(pid, &stat) == 0) pid = stat.ppid;
}

size_t MemberSet::ancestor_index(pid_t pid) const {
  size_t i = 0;
  while (i < ancestors_.size() && ancestors_[i] != pid) i++;
  return i;
}

bool MemberSet::is_ancestor(const ProcessIdentity& who, size_t least_distance) const {
  size_t distance = ancestor_index(who.pid);
  UniqueFd pidfd;
  return distance >= least_distance && distance < ancestors_.size() && open_process(who, &pidfd) == 0;
}

bool MemberSet::caller_is_member() {
  read_ancestors();
  if (is_in_cgroup(container_fd_, getpid()) == 1) return true;
  if (!is_this_boot(state_)) return false;
  if (is_ancestor(state_.init, 0)) return true;
  for (const ProcessIdentity& exec : state_.execs) {
    if (is_ancestor(exec, 0)) return true;
  }
  for (const ProcessIdentity& adopter : state_.adopters) {
    // An adopter's own call is its child, or says whose it is, through whatever program (a wrapper) it came. Others
    // below it are what it adopted.
    if (is_ancestor(adopter, 2) && named_adopter() != adopter.pid) return true;
  }
  return false;
}

MemberSet::Member* MemberSet::find(pid_t pid) {
  for (Member& member : members_) {
    // A reaped one's pid may be somebody else's by now.
    if (member.who.pid == pid && pidfd_signal(member.pidfd, 0) != -ESRCH) return &member;
  }
  return nullptr;
}

bool MemberSet::is_known_ended(const ProcessIdentity& who) const {
  for (const ProcessIdentity& known : ended_) {
    if (known == who) return true;
  }
  return false;
}

// One that was listed and is gone, or is no longer where it was listed. What it may have left behind went to an adopter
// that was perhaps looked at before: look again. Not so when it had ended before this walk.
void MemberSet::note_vanished(pid_t pid) {
  for (const ProcessIdentity& known : ended_) {
    if (known.pid == pid) return;
  }
  found_new_ = true;
}

int MemberSet::take(const ProcessIdentity& who, UniqueFd pidfd, bool adopter) {
  bool ended = has_ended(pidfd.get());
  if (adopter && ended) return 0;
  if (!adopter && !(ended && is_known_ended(who))) found_new_ = true;
  if (ended) return is_known_ended(who) || ended_.push(who) ? 0 : -ENOMEM;
  if (!members_.push({who, pidfd.get(), adopter, false, false})) return -ENOMEM;
  pidfd.release();
  return 0;
}

int MemberSet::add_known(const ProcessIdentity& who, bool adopter) {
  UniqueFd pidfd;
  if (find(who.pid) != nullptr) return 0;
  int err = open_process(who, &pidfd);
  if (err < 0) return err == -ESRCH ? 0 : err;
  return take(who, static_cast<UniqueFd&&>(pidfd), adopter);
}

// A pid from a list of children (of members_[parent]) or of the cgroup. The race: parent P is reaped and its pid reused
// between our reading of the list and the look at child C, whose parent then is a stranger. So C's parent is read while
// we hold C, and P's pidfd must still be good after that: P has held its pid all along, and C's parent is that very P.
int MemberSet::add_found(pid_t pid, int parent) {
  if (is_caller_or_ancestor(pid)) return 0;
  if (Member* known = find(pid)) {
    // An exec's shim that runs inside of the container is a member like any other.
    if (known->adopter) found_new_ = true;
    known->adopter = false;
    return 0;
  }
  UniqueFd pidfd(open_pidfd(pid));
  ProcStat stat;
  int err = pidfd.valid() ? read_proc_stat(pid, &stat) : pidfd.get();
  bool ours = false;
  if (err == 0 && parent == kByCgroup) {
    int inside = is_in_cgroup(container_fd_, pid);
    ours = inside == 1 && pidfd_signal(pidfd.get(), 0) != -ESRCH;
    // ENOENT: it is gone, or in no cgroup that we see.
    if (inside < 0 && inside != -ENOENT && inside != -ESRCH) err = inside;
  } else if (err == 0) {
    const Member& of = members_[static_cast<size_t>(parent)];
    ours = stat.ppid == of.who.pid && pidfd_signal(of.pidfd, 0) != -ESRCH;
    bool call = ours && of.adopter && calls_ == RuntimeCalls::Strangers && is_runtime_call(pid, of.who.pid, stat);
    if (call && pidfd_signal(pidfd.get(), 0) != -ESRCH) return 0;
  }
  if (err < 0 && err != -ESRCH) return err;
  if (ours) return take({pid, stat.start_time_ticks}, static_cast<UniqueFd&&>(pidfd), false);
  note_vanished(pid);
  return 0;
}

int MemberSet::add_cgroup() {
  UniqueFd cgroup_fd;
  HeapArray<pid_t> pids;
  int err = open_cgroup(container_fd_, &cgroup_fd);
  if (err == 0) err = list_cgroup(cgroup_fd.get(), &pids);
  if (err < 0) return err == -ENOENT || err == -ENODEV ? 0 : err;
  for (size_t i = 0; err == 0 && i < pids.size(); i++) err = add_found(pids[i], kByCgroup);
  return err;
}

int MemberSet::add_children_of(size_t parent, HeapArray<pid_t>* children) {
  children->clear();
  int err = tree_.children_of(members_[parent].who.pid, children);
  for (size_t i = 0; err == 0 && i < children->size(); i++) err = add_found((*children)[i], static_cast<int>(parent));
  return err;
}

int MemberSet::collect() {
  read_ancestors();
  // The cheap look suffices when it sees no trace of a member.
  int err = found_any_ ? tree_.read_all() : 0;
  found_new_ = false;
  if (err == 0 && is_this_boot(state_)) {
    err = add_known(state_.init, false);
    for (size_t i = 0; err == 0 && i < state_.execs.size(); i++) err = add_known(state_.execs[i], false);
    for (size_t i = 0; err == 0 && i < state_.adopters.size(); i++) err = add_known(state_.adopters[i], true);
  }
  if (err == 0) err = add_cgroup();
  HeapArray<pid_t> children;
  // The set grows while it is walked: breadth first, every generation.
  for (size_t i = 0; err == 0 && i < members_.size(); i++) {
    err = add_children_of(i, &children);
    if (err == -ENOSYS) {
      err = tree_.read_all();
      if (err == 0) err = add_children_of(i, &children);
    }
  }
  found_any_ = found_any_ || found_new_;
  return err;
}

int MemberSet::look(bool* found_new) {
  int err = collect();
  *found_new = found_new_;
  return err;
}

int MemberSet::reach_all(int signal, int64_t deadline_ms) {
  for (;;) {
    // One that was alive when we passed it may have forked behind us, whatever it was sent: fork(2) looks for signals
    // early, and its child is linked late.
    bool nobody_alive = live_count() == 0;
    int err = collect();
    for (Member& member : members_) {
      if (!member.adopter && !member.sent) (void)send(member, signal);
    }
    if (err < 0) return err;
    if (!found_new_) return nobody_alive ? 1 : 0;
    if (ms_until(deadline_ms) == 0) return -ETIMEDOUT;
  }
}

bool MemberSet::send(Member& member, int signal) {
  int err = pidfd_signal(member.pidfd, signal);
  member.sent = true;
  member.denied = err == -EPERM;
  if (err == 0) reached_++;
  return err == 0;
}

size_t MemberSet::signal_known(int signal) {
  size_t reached = 0;
  for (Member& member : members_) {
    if (!member.adopter && send(member, signal)) reached++;
  }
  return reached;
}

size_t MemberSet::live_count() const {
  size_t count = 0;
  for (const Member& member : members_) {
    if (!member.adopter && !has_ended(member.pidfd)) count++;
  }
  return count;
}

bool MemberSet::wait_all(int64_t deadline_ms) const {
  for (const Member& member : members_) {
    if (member.adopter || member.denied) continue;
    struct pollfd wait = {member.pidfd, POLLIN, 0};
    int ready;
    do ready = poll(&wait, 1, ms_until(deadline_ms));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) return false;
  }
  return true;
}

void MemberSet::forget_ended() {
  size_t kept = 0;
  for (const Member& member : members_) {
    if (!has_ended(member.pidfd)) {
      members_[kept++] = member;
      continue;
    }
    close(member.pidfd);
    // Out of memory, it would be found anew: one look more.
    if (!member.adopter) (void)ended_.push(member.who);
  }
  members_.truncate(kept);
}

void MemberSet::add_live_pids(TextBuilder& out) const {
  for (const Member& member : members_) {
    if (!member.adopter && !has_ended(member.pidfd)) out.add(' ').add_int(member.who.pid);
  }
}
