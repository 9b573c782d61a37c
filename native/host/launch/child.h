// The child between clone and exec: everything that the process is given it takes on here, on itself. What fails is
// told to the parent through the channel, as numbers; the words are made there.
#pragma once

#include "host/bundle/config.h"

enum class ChildStep : int32_t {
  NewSession,
  Stdio,
  Terminal,
  OomScoreAdj,
  Limit,  // detail: its index
  Cwd,
  Groups,
  Gid,
  Uid,
  NoNewPrivileges,
  Descriptors,
  FindProgram,  // in none of PATH's directories
  StatProgram,  // a path that leads nowhere
  Exec,
};

struct ChildFailure {
  ChildStep step;
  int32_t err;
  int32_t detail;
};

// terminal_fd: the slave that becomes stdio and the controlling terminal, or -1. Before the exec it waits for a byte on
// the channel and ends silently when the channel is closed instead: the parent is gone.
// start_fd: -1, or the start socket, at which it waits then; what fails from there on is told to `start`.
[[noreturn]] void run_child(const ProcessConfig& process, int terminal_fd, int start_fd, int channel_fd);
