// The pipes from the process's stdout and stderr to the log of its output. The process has their write ends, and may
// open /dev/stdout again; the shim reads.
#pragma once

#include "common/unique_fd.h"
#include "shim/event_loop.h"
#include "shim/output_log.h"

class LogPipes {
 public:
  LogPipes() = default;
  LogPipes(const LogPipes&) = delete;
  LogPipes& operator=(const LogPipes&) = delete;
  ~LogPipes();

  // Makes the pipe of a stream, 1 for stdout or 2 for stderr. `process_end`: the write end, blocking. 0 or -errno.
  int open(int stream, UniqueFd* process_end);
  // Whether a process, or the shim itself, can write to one of them.
  bool has_writers() const { return pipes_[0].valid() || pipes_[1].valid(); }

  // Passes on what the loop found ready, a limited amount of each stream.
  void serve(EventLoop& loop, OutputLog& log);
  // Tells the loop what to wait for next: 0 or -errno.
  int want_events(EventLoop& loop);
  // When serve() must be called at the latest, in milliseconds; -1: no limit.
  int idle_ms() const { return is_buffer_used_ ? kIdleMs : -1; }
  // Passes on what is in the pipes now; what is written meanwhile may stay.
  void drain(OutputLog& log);

 private:
  static constexpr int kIdleMs = 200;

  ssize_t take(int i, size_t most, OutputLog& log);
  ssize_t take_through(int i, size_t most, OutputLog& log);
  ssize_t copy(int fd, LogKind stream, size_t most, OutputLog& log);
  void open_through();
  void close_through();

  UniqueFd pipes_[2];
  // A pipe of the shim's own, while there is much to pass on; empty between two calls.
  UniqueFd through_[2];
  bool is_splice_refused_ = false;
  char* buffer_ = nullptr;
  bool is_buffer_used_ = false;  // it has memory, which is given back when nothing was read for a while
};
