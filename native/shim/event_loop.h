// One epoll for everything that the shim waits for. Level-triggered; a source is registered only while it is wanted.
#pragma once

#include <sys/epoll.h>

#include "common/unique_fd.h"

enum class Source { Signals, Control, Console, Master, Stdin, StdinPipe, Stdout, LogStdout, LogStderr, Changes, Count };

class EventLoop {
 public:
  int open();
  // Waits for these epoll events of this descriptor from now on: 0 or -errno. With 0 events the source is removed,
  // since epoll reports a hang-up even if no event was asked for. A regular file, which epoll refuses, is always ready.
  int want(Source source, int fd, uint32_t events);
  void forget(Source source) { want(source, -1, 0); }
  // Waits at most timeout_ms (-1: no limit), then ready() tells the result: 0 or -errno.
  int wait(int timeout_ms);
  bool ready(Source source) const { return ready_[static_cast<int>(source)] != 0; }
  bool hung_up(Source source) const { return (ready_[static_cast<int>(source)] & EPOLLHUP) != 0; }
  bool failed(Source source) const { return (ready_[static_cast<int>(source)] & EPOLLERR) != 0; }

 private:
  static constexpr int kCount = static_cast<int>(Source::Count);
  struct Entry {
    int fd = -1;
    uint32_t events = 0;
    bool always_ready = false;
  };
  UniqueFd epoll_;
  Entry entries_[kCount];
  uint32_t ready_[kCount] = {};
};
