// The child between clone and exec: it takes on everything that the process is to have. It reports a failure to its
// parent as numbers; failure.h turns them into words.
#pragma once

#include "host/bundle/config.h"

enum class ChildStep : int32_t {
  NewSession,
  Stdio,
  Terminal,
  OomScoreAdj,
  Limit,  // detail: the index of the limit
  Cwd,
  Groups,
  Gid,
  Uid,
  NoNewPrivileges,
  Descriptors,
  FindProgram,  // in no directory of PATH
  StatProgram,  // a path at which there is no file
  Exec,
};

struct ChildFailure {
  ChildStep step;
  int32_t err;
  int32_t detail;
};

// For a child in its parent's memory (vfork(2)). terminal_fd: the pty slave that becomes stdio and the controlling
// terminal, or -1. A failure is left in *failure. Exits silently if the parent is gone.
[[noreturn]] void run_child(const ProcessConfig& process, int terminal_fd, pid_t parent, ChildFailure* failure);

// For the child of `create`, which has memory of its own. It waits at the gate, for a byte on the channel; it exits
// silently if the channel is closed instead, because then the parent is gone. Next it waits at the start socket. It
// reports failures through the channel, and later ones to `start`.
[[noreturn]] void run_waiting_child(const ProcessConfig& process, int terminal_fd, int start_fd, int channel_fd);
