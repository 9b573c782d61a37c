// Starting a process and knowing that it started: clone into the cgroup, the record of who it is before its program
// runs, and the reason if its exec failed. Does not own what the child does to itself (child.h).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/bundle/config.h"
#include "host/reason.h"

struct LaunchPlan {
  const ProcessConfig& process;
  int terminal_fd;  // -1: none
  int start_fd;     // the start socket for `create`, or -1
  // -1: none. A cgroup without controllers that cannot be entered is no failure: it is only one of three ways to find
  // the members.
  int cgroup_fd;
  // Writes down who the child is. Called once, before the program runs, in the memory of the caller of run(), but
  // mostly by the child: so getppid(2) and the like are not the caller's. False with the reason in `error`.
  bool (*record)(void* owner, pid_t pid, TextBuilder& error);
  void* owner;  // for `record`
};

// A child of ours. The destructor kills and reaps it.
class Launched {
 public:
  Launched() = default;
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;
  ~Launched() { end(); }

  // Makes the child, and waits. True once the program runs, or has run already; for `create`, once the child waits for
  // `start`. If we are killed meanwhile, a child that does not run its program yet ends by itself.
  bool run(const LaunchPlan& plan, Reason& error);
  pid_t pid() const { return pid_; }
  // Kills and reaps the child, if there is one.
  void end();

 private:
  bool run_program(const LaunchPlan& plan, Reason& error);
  bool run_waiting(const LaunchPlan& plan, Reason& error);
  bool let_go(const LaunchPlan& plan, int channel_fd, Reason& error);
  bool has_started(TextBuilder& error) const;

  pid_t pid_ = -1;
};

// Ends this program with success, and leaves the child to the nearest subreaper. Without destructors: the shim waits
// for our end, and the kernel is quicker.
[[noreturn]] void leave_running();
