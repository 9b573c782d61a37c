// The members of a container: its first process, the exec'ed ones, all their descendants, every descendant of its
// adopters, and every process in its cgroup. Each member is held by a pidfd and was checked to be the process that it
// is taken for, so that no reused pid leads to a process outside (docs/host-runtime.md, "How it ends what is left").
#pragma once

#include "host/cgroup/membership.h"
#include "host/members/caller.h"
#include "host/members/pid_index.h"
#include "host/members/process_tree.h"
#include "host/state/state.h"

class MemberSet {
 public:
  struct Member {
    ProcessIdentity who;
    int pidfd;
    bool adopter;    // its descendants are members; it is never signalled itself
    bool in_cgroup;  // the last walk found it in the container's cgroup
    bool sent;       // a signal was sent, or refused
    bool denied;     // we may not signal it
  };

  // What calls of the runtime by the container's shims are, and the children of such calls. To `delete` they are
  // members: one of them may be about to make another process. To everything else they are strangers: a signal to all
  // members must not hit the shim's own `delete`.
  enum class RuntimeCalls { Members, Strangers };

  // container_fd: the container's directory, for its cgroup.
  MemberSet(const ContainerState& state, int container_fd, RuntimeCalls calls = RuntimeCalls::Strangers)
      : state_(state), container_fd_(container_fd), calls_(calls), cgroup_(container_fd) {}
  MemberSet(const MemberSet&) = delete;
  MemberSet& operator=(const MemberSet&) = delete;
  ~MemberSet();

  // Walks until a walk finds no new member, and sends the signal once to each member. 1 if no member was alive when the
  // last walk began: then there is none. 0 if members are left. -ETIMEDOUT if every walk found new ones; or -errno.
  int signal_all(int signal, int64_t deadline_ms);
  // Only the walks.
  int find_all(int64_t deadline_ms) { return signal_all(0, deadline_ms); }
  // Sends the signal to all known members, whatever they were sent before: how many it reached.
  size_t signal_known(int signal);

  // One walk: 0 or -errno. *found_new: it found a member that no walk before had found, or a trace of one.
  int walk_once(bool* found_new);
  // Everything found so far: adopters too, and members that have ended since.
  const HeapArray<Member>& known() const { return members_; }

  size_t live_count() const;
  // The number of signals that were delivered.
  size_t delivered_count() const { return delivered_count_; }
  // Waits until all members that we may signal have ended. False at the deadline.
  bool wait_all(int64_t deadline_ms) const;
  // Closes the pidfds of ended members; their identities are kept.
  void forget_ended();
  void add_live_pids(TextBuilder& out) const;

 private:
  int walk();
  int add_known(const ProcessIdentity& who, bool adopter);
  int add_found(pid_t pid, int parent);
  int add_cgroup();
  int add_children_of(size_t parent, HeapArray<pid_t>* children);
  int take(const ProcessIdentity& who, UniqueFd pidfd, bool adopter, bool in_cgroup);
  bool send(Member& member, int signal);
  Member* find(pid_t pid);
  int note_ended(const ProcessIdentity& who);
  bool has_seen_ended(const ProcessIdentity& who) const;
  void note_vanished(pid_t pid);

  const ContainerState& state_;
  int container_fd_;
  RuntimeCalls calls_;
  CgroupMembership cgroup_;
  ProcessTree tree_;
  CallerAncestors ancestors_;
  HeapArray<Member> members_;
  PidIndex member_of_;
  HeapArray<ProcessIdentity> ended_;  // mostly zombies, which every walk finds again
  PidIndex ended_of_;
  bool found_new_ = false;  // by this walk
  bool found_any_ = false;  // by any walk
  size_t delivered_count_ = 0;
};

// Appends why the members could not be found: -errno of one of the above.
TextBuilder& add_search_failure(TextBuilder& out, int err);

// Raises our limit of open descriptors as far as we may: a MemberSet holds one for each member.
void raise_descriptor_limit();
