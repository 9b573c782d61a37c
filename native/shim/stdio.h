// The process's stdin, stdout and stderr: opens what the three paths name, and keeps FIFOs alive. Without a terminal
// the process gets the FIFO or file itself, and the shim copies nothing; only a FIFO for stdin is relayed to a pipe,
// and an output that is kept in a log comes from one. The shim holds the other end of each FIFO, so that a reader or
// writer may leave and come back without the process seeing EPIPE or end-of-file.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/config.h"
#include "shim/log_pipes.h"
#include "shim/output_log.h"
#include "shim/relay.h"

struct Stdio {
  // What the process reads and writes; with a terminal, what the pumps read and write.
  UniqueFd end[3];
  // The other end of a FIFO: the write end of stdin, the read end of an output. Invalid for what is no FIFO.
  UniqueFd hold[3];
  // From a FIFO for stdin to the pipe that the process has; not with a terminal.
  StdinRelay relay;
  // Open if an output goes to it: from the pipes, or from the terminal.
  OutputLog log;
  LogPipes log_pipes;
};

// Opens all three: 0, or -errno with the reason in `why`. With a terminal the ends stay non-blocking, for the pumps,
// and stderr is unused. Without, they are blocking, because the process inherits them.
int open_stdio(const ShimConfig& config, Stdio* stdio, TextBuilder& why);
