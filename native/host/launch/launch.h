// Starting a process and knowing that it started: clone into the cgroup, a gate at which the child waits, and the
// reason if its exec failed. Does not own what the child does to itself (child.h).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/bundle/config.h"
#include "host/reason.h"

// A child of ours that waits at the gate, or that failed. The destructor kills and reaps it. If we are killed instead,
// the child ends by itself, because its end of the channel is closed.
class Launched {
 public:
  Launched() = default;
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;
  ~Launched() { end(); }

  // Makes the child. terminal_fd, start_fd, cgroup_fd: -1 for none; start_fd is the start socket for `create`. A cgroup
  // without controllers that cannot be entered is no failure: it is only one of three ways to find the members.
  bool start(const ProcessConfig& process, int terminal_fd, int start_fd, int cgroup_fd, TextBuilder& error);
  pid_t pid() const { return pid_; }
  // Opens the gate and waits. True once the program runs, or has run already. For `create`, let_go() releases the child
  // only as far as the start socket.
  bool let_go(const ProcessConfig& process, Reason& error);
  // Kills and reaps the child, if there is one.
  void end();
  // Gives the child up: the nearest subreaper reaps it once we have exited.
  void leave() { pid_ = -1; }

 private:
  pid_t pid_ = -1;
  UniqueFd channel_fd_;
};
