// A container that exists, as a command finds it: its directory, its state.json, and the status that runc would report.
#pragma once

#include "host/command_line.h"
#include "host/state/state.h"

enum class Status {
  Creating,  // half made: a `run` or `create` is at work, or was killed
  Created,   // the first process waits for `start`
  Running,
  Paused,
  Stopped,
};

const char* status_word(Status status);

class Container {
 public:
  // Opens the container's directory: 0 or -errno (-ENOENT: no such container).
  int open(const CommandLine& line, TextBuilder& error);
  // The same, and takes the lock; the wait for it has a time limit.
  int open_locked(const CommandLine& line, TextBuilder& error);
  void unlock() const;
  // Takes the lock again, for as long as this program runs: 0 or -errno. The directory is not to be used afterwards.
  int lock_until_exit(const CommandLine& line, TextBuilder& error);
  // Reads state.json. False if it is damaged. A half made container has none: then its state is empty.
  bool load(TextBuilder& error);

  // The status now, after load(). Asks the kernel; only a pause by signals is known from state.json alone.
  Status status();
  bool half_made() const { return half_made_; }
  ContainerState& state() { return file_.state; }
  bool save(TextBuilder& error) const { return save_state(fd(), file_.state, error); }

  int root_fd() const { return root_fd_.get(); }
  int fd() const { return fd_.get(); }
  // The first process's pidfd, if status() found that it has not ended.
  int init_fd() const { return init_fd_.get(); }

 private:
  UniqueFd root_fd_;
  UniqueFd fd_;
  UniqueFd init_fd_;
  StateFile file_;
  bool half_made_ = false;
};
