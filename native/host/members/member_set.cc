#include "host/members/member_set.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <utility>

#include "common/clock.h"
#include "common/pidfd.h"
#include "common/proc.h"
#include "common/retry.h"
#include "host/cgroup/cgroup.h"
#include "host/reason.h"

namespace {

constexpr int kInCgroup = -1;  // in place of a parent's index

bool run_same_file(const char* pid, pid_t other) {
  Text<32> ours, theirs;
  struct stat a, b;
  ours.add("/proc/").add(pid).add("/exe");
  theirs.add("/proc/").add_int(other).add("/exe");
  return stat(ours.c_str(), &a) == 0 && stat(theirs.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A child of a shim that runs this program, or is still the shim's copy and is about to run it.
bool is_runtime_call(pid_t pid, pid_t shim, const ProcStat& stat) {
  if (run_same_file("self", pid)) return true;
  Text<16> name;
  return never_called_exec(stat) && run_same_file(name.add_int(shim).c_str(), pid);
}

}  // namespace

MemberSet::~MemberSet() {
  for (Member& member : members_) close(member.pidfd);
}

// Of several members that had this pid only the newest can have it still.
MemberSet::Member* MemberSet::find(pid_t pid) {
  size_t at = member_of_.find(pid);
  if (at == PidIndex::kNone) return nullptr;
  // The pid of a member that has been reaped may belong to another process now.
  return signal_pidfd(members_[at].pidfd, 0) != -ESRCH ? &members_[at] : nullptr;
}

bool MemberSet::has_seen_ended(const ProcessIdentity& who) const {
  size_t at = ended_of_.find(who.pid);
  return at != PidIndex::kNone && ended_[at] == who;
}

int MemberSet::note_ended(const ProcessIdentity& who) {
  if (has_seen_ended(who)) return 0;
  return ended_.push(who) && ended_of_.put(who.pid, ended_.size() - 1) ? 0 : -ENOMEM;
}

// A listed process is gone, or has another parent now. Its children, if it had any, went to an adopter that this walk
// may have passed already: one more walk is needed. Not so if the process had ended before this walk.
void MemberSet::note_vanished(pid_t pid) {
  if (ended_of_.find(pid) == PidIndex::kNone) found_new_ = true;
}

int MemberSet::take(const ProcessIdentity& who, UniqueFd pidfd, bool adopter, bool in_cgroup) {
  bool ended = has_ended(pidfd.get());
  if (adopter && ended) return 0;
  if (!adopter && !(ended && has_seen_ended(who))) found_new_ = true;
  if (ended) return note_ended(who);
  if (!members_.push({who, pidfd.get(), adopter, in_cgroup, false, false})) return -ENOMEM;
  pidfd.release();
  return member_of_.put(who.pid, members_.size() - 1) ? 0 : -ENOMEM;
}

int MemberSet::add_known(const ProcessIdentity& who, bool adopter) {
  UniqueFd pidfd;
  if (find(who.pid) != nullptr) return 0;
  int err = open_process(who, &pidfd);
  if (err < 0) return err == -ESRCH ? 0 : err;
  return take(who, std::move(pidfd), adopter, false);
}

// Adds a pid from the list of children of members_[parent], or from the cgroup. Race: parent P is reaped and its pid is
// reused after we read P's list of children and before we look at child C; then C's parent is a stranger. So C's parent
// is read while we hold C's pidfd, and P must not have been reaped after that: then P had its pid all the time.
int MemberSet::add_found(pid_t pid, int parent) {
  if (ancestors_.contain(pid)) return 0;
  if (Member* known = find(pid)) {
    // The shim of an exec may run inside the container: then it is also a member.
    if (known->adopter) found_new_ = true;
    known->adopter = false;
    known->in_cgroup = known->in_cgroup || parent == kInCgroup;
    return 0;
  }
  UniqueFd pidfd(open_process_pidfd(pid));
  ProcStat stat;
  int err = pidfd.valid() ? read_proc_stat(pid, &stat) : pidfd.get();
  bool ours = false;
  if (err == 0 && parent == kInCgroup) {
    int inside = cgroup_.contains(pid);
    ours = inside == 1 && signal_pidfd(pidfd.get(), 0) != -ESRCH;
    // ENOENT: the process is gone, or its cgroup is not visible to us.
    if (inside < 0 && inside != -ENOENT && inside != -ESRCH) err = inside;
  } else if (err == 0) {
    const Member& of = members_[static_cast<size_t>(parent)];
    ours = stat.ppid == of.who.pid && signal_pidfd(of.pidfd, 0) != -ESRCH;
    bool call = ours && of.adopter && calls_ == RuntimeCalls::Strangers && is_runtime_call(pid, of.who.pid, stat);
    if (call && signal_pidfd(pidfd.get(), 0) != -ESRCH) return 0;
  }
  if (err < 0 && err != -ESRCH) return err;
  if (ours) return take({pid, stat.start_time_ticks}, std::move(pidfd), false, parent == kInCgroup);
  note_vanished(pid);
  return 0;
}

int MemberSet::add_cgroup() {
  UniqueFd cgroup_fd;
  HeapArray<pid_t> pids;
  int err = open_cgroup(container_fd_, &cgroup_fd);
  if (err == 0) err = list_cgroup(cgroup_fd.get(), &pids);
  if (err < 0) return err == -ENOENT || err == -ENODEV ? 0 : err;
  for (size_t i = 0; err == 0 && i < pids.size(); i++) err = add_found(pids[i], kInCgroup);
  return err;
}

int MemberSet::add_children_of(size_t parent, HeapArray<pid_t>* children) {
  children->clear();
  int err = tree_.children_of(members_[parent].who.pid, children);
  for (size_t i = 0; err == 0 && i < children->size(); i++) err = add_found((*children)[i], static_cast<int>(parent));
  return err;
}

int MemberSet::walk() {
  ancestors_.read();
  // The children files alone are enough if they show no trace of a member.
  int err = found_any_ ? tree_.read_all() : 0;
  found_new_ = false;
  for (Member& member : members_) member.in_cgroup = false;
  if (err == 0 && is_this_boot(state_)) {
    err = add_known(state_.init, false);
    for (size_t i = 0; err == 0 && i < state_.execs.size(); i++) err = add_known(state_.execs[i], false);
    for (size_t i = 0; err == 0 && i < state_.adopters.size(); i++) err = add_known(state_.adopters[i], true);
  }
  if (err == 0) err = add_cgroup();
  HeapArray<pid_t> children;
  // The set grows during the loop: breadth first, every generation.
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

int MemberSet::walk_once(bool* found_new) {
  int err = walk();
  *found_new = found_new_;
  return err;
}

int MemberSet::signal_all(int signal, int64_t deadline_ms) {
  for (;;) {
    // Race: a member that is alive when the walk passes it may fork afterwards, even if it has been sent a signal,
    // because fork(2) checks for signals early and links the child late. So the last walk must begin with no member
    // alive.
    bool nobody_alive = live_count() == 0;
    int err = walk();
    for (Member& member : members_) {
      if (!member.adopter && !member.sent) (void)send(member, signal);
    }
    if (err < 0) return err;
    if (!found_new_) return nobody_alive ? 1 : 0;
    if (ms_until(deadline_ms) == 0) return -ETIMEDOUT;
  }
}

bool MemberSet::send(Member& member, int signal) {
  int err = signal_pidfd(member.pidfd, signal);
  member.sent = true;
  member.denied = err == -EPERM;
  if (err == 0) delivered_count_++;
  return err == 0;
}

size_t MemberSet::signal_known(int signal) {
  size_t delivered = 0;
  for (Member& member : members_) {
    if (!member.adopter && send(member, signal)) delivered++;
  }
  return delivered;
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
    if (retried([&] { return poll(&wait, 1, ms_until(deadline_ms)); }) <= 0) return false;
  }
  return true;
}

void MemberSet::forget_ended() {
  size_t kept = 0;
  member_of_.clear();
  for (const Member& member : members_) {
    if (!has_ended(member.pidfd)) {
      // There is room: it was in the index before.
      (void)member_of_.put(member.who.pid, kept);
      members_[kept++] = member;
      continue;
    }
    close(member.pidfd);
    // Ignore a lack of memory: the process would be found again, which costs one more walk.
    if (!member.adopter) (void)note_ended(member.who);
  }
  members_.truncate(kept);
}

void MemberSet::add_live_pids(TextBuilder& out) const {
  for (const Member& member : members_) {
    if (!member.adopter && !has_ended(member.pidfd)) out.add(' ').add_int(member.who.pid);
  }
}

TextBuilder& add_search_failure(TextBuilder& out, int err) {
  add_reason(out.add("cannot find the container's processes: "), err);
  struct rlimit limit;
  if (err != -EMFILE || getrlimit(RLIMIT_NOFILE, &limit) < 0) return out;
  out.add(" (it takes one for each of them, and RLIMIT_NOFILE allows ");
  return out.add_int(static_cast<int64_t>(limit.rlim_cur)).add(')');
}

void raise_descriptor_limit() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}
