// Passes a FIFO's bytes on to the pipe that the process has as stdin, without copying them. The process does not get
// the FIFO itself: whoever opens a FIFO for reading, by /dev/stdin, waits until there is a writer, so after the last
// one has left it would wait for ever. A pipe opened again is at its end at once (fifo(7), pipe(7)).
#pragma once

#include <sys/types.h>

#include "common/unique_fd.h"
#include "shim/event_loop.h"

class StdinRelay {
 public:
  // Takes the FIFO's read end, non-blocking, and makes the pipe. `process_end`: the pipe's read end, blocking. 0 or
  // -errno.
  int open(UniqueFd fifo, UniqueFd* process_end);

  // Passes on what the loop found ready. At the end of the FIFO the pipe ends too; if no process can read the pipe, no
  // more is taken from the FIFO, and its writers get EPIPE.
  void serve(EventLoop& loop);
  // Tells the loop what to wait for next: 0 or -errno.
  int want_events(EventLoop& loop);

 private:
  ssize_t pass_on();
  ssize_t copy();

  UniqueFd fifo_;
  UniqueFd pipe_;
  bool is_full_ = false;  // the pipe
  bool is_splice_refused_ = false;
};
