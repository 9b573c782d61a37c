// The processes of a container: its first process, the exec'd ones, all their descendants, every descendant of its
// adopters, and what is in its cgroup. Each one is held by a pidfd and was checked to be what it is taken for, so that
// nothing outside can be hit, whatever pids were reused (DESIGN, "What is known to go wrong", 4).
#pragma once

#include "host/members/process_tree.h"
#include "host/state/state.h"

class MemberSet {
 public:
  struct Member {
    ProcessIdentity who;
    int pidfd;
    bool adopter;  // looked below, never signalled
    bool sent;
    bool denied;  // we may not signal it
  };

  // What a shim's own calls of the runtime are, its children too. Who ends the container ends them: one may be about to
  // make another process. To all others they are strangers: a signal for the container would take the shim's delete in
  // its middle.
  enum class RuntimeCalls { Members, Strangers };

  // container_fd: the container's directory, for its cgroup.
  MemberSet(const ContainerState& state, int container_fd, RuntimeCalls calls = RuntimeCalls::Strangers)
      : state_(state), container_fd_(container_fd), calls_(calls) {}
  MemberSet(const MemberSet&) = delete;
  MemberSet& operator=(const MemberSet&) = delete;
  ~MemberSet();

  // Sends the signal once to every member, and walks until a walk finds no new one. 1: and no member was alive when
  // that walk began, so that there is none; 0: members are left; -errno, -ETIMEDOUT when there were ever more.
  int reach_all(int signal, int64_t deadline_ms);
  // The same signal to all that are known, whatever they were sent before: how many it reached.
  size_t signal_known(int signal);

  // One walk: 0 or -errno. *found_new: there was a member that no walk had seen yet, or a trace of one.
  int look(bool* found_new);
  // Adopters too, and those that have ended.
  const HeapArray<Member>& known() const { return members_; }

  size_t live_count() const;
  // How many signals were delivered.
  size_t reached() const { return reached_; }
  // Waits until all that could be signalled have ended: true, or false at the deadline.
  bool wait_all(int64_t deadline_ms) const;
  // Lets go of the descriptors of those that have ended; what they were is remembered.
  void forget_ended();
  void add_live_pids(TextBuilder& out) const;

  // The caller or one of its ancestors is a member: to end the container would end the caller.
  bool caller_is_member();

 private:
  // Adds the members that are not in the set yet; found_new_: there were some, or a trace of some.
  int collect();
  int add_known(const ProcessIdentity& who, bool adopter);
  int add_found(pid_t pid, int parent);
  int add_cgroup();
  int add_children_of(size_t parent, HeapArray<pid_t>* children);
  int take(const ProcessIdentity& who, UniqueFd pidfd, bool adopter);
  bool send(Member& member, int signal);
  Member* find(pid_t pid);
  bool is_known_ended(const ProcessIdentity& who) const;
  void note_vanished(pid_t pid);
  bool is_caller_or_ancestor(pid_t pid) const { return ancestor_index(pid) < ancestors_.size(); }
  size_t ancestor_index(pid_t pid) const;
  bool is_ancestor(const ProcessIdentity& who, size_t least_distance) const;
  void read_ancestors();

  const ContainerState& state_;
  int container_fd_;
  RuntimeCalls calls_;
  ProcessTree tree_;
  HeapArray<Member> members_;
  HeapArray<ProcessIdentity> ended_;  // zombies, most of them: seen again in every walk
  HeapArray<pid_t> ancestors_;        // the caller first
  bool found_new_ = false;
  bool found_any_ = false;
  size_t reached_ = 0;
};
