// Starting a process and knowing that it started: clone into the cgroup, a gate that it waits at, the reason if its
// exec failed. Does not own what the child does to itself (child.h).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/bundle/config.h"

// A child of ours that was not let go yet, or that failed. Dropped, it is ended and reaped; so is one whose parent is
// killed, by its end of the channel.
class Launched {
 public:
  Launched() = default;
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;
  ~Launched() { end(); }

  // terminal_fd, start_fd, cgroup_fd: -1 for none. start_fd: the start socket that it shall wait at. A cgroup that
  // cannot be entered is left out: it is one of three ways to find the members.
  bool start(const ProcessConfig& process, int terminal_fd, int start_fd, int cgroup_fd, TextBuilder& error);
  pid_t pid() const { return pid_; }
  // Lets it exec and waits for that: true once the program runs (or has run already), or once it waits at the start
  // socket.
  bool let_go(const ProcessConfig& process, TextBuilder& error);
  // Ends and reaps it; nothing if there is none.
  void end();
  // From here on it is its own; our parent, or the nearest subreaper, reaps it.
  void leave() { pid_ = -1; }

 private:
  pid_t pid_ = -1;
  UniqueFd channel_fd_;
};
