// The process's stdin, stdout and stderr: opens what the three paths name, and keeps FIFOs alive.
// Without a terminal the process gets the FIFO or file itself, and the shim copies nothing: it only holds the FIFO's
// other end, so that a reader or writer may leave and come back without the process seeing EPIPE or end-of-file.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/config.h"

struct Stdio {
  // What the process (or, with a terminal, the pty copy) reads and writes.
  UniqueFd end[3];
  // The other end of a FIFO: stdin's write end, an output's read end; invalid for anything that is no FIFO.
  UniqueFd hold[3];
};

// Opens all three. With a terminal the ends stay non-blocking (the shim copies) and stderr is unused; without, they are
// blocking (the process inherits them). 0, or a negated errno with the reason in `why`.
int open_stdio(const ShimConfig& config, Stdio* stdio, TextBuilder& why);
