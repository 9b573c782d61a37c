// A container that exists, as a command finds it: its directory, what state.json says of it, and the status that runc
// would give it.
#pragma once

#include "host/command_line.h"
#include "host/state/state.h"

enum class Status {
  Creating,  // half made: a `run` or `create` is at it, or was killed
  Created,   // its first process waits for `start`
  Running,
  Paused,
  Stopped,
};

const char* status_word(Status status);

class Container {
 public:
  // Opens the container's directory: 0 or -errno (-ENOENT: no such container).
  int open(const CommandLine& line, TextBuilder& error);
  // The same, and waits (bounded) for its lock.
  int open_locked(const CommandLine& line, TextBuilder& error);
  void unlock() const;
  // Reads state.json; false when it is damaged. A half made container has none: its state is empty then.
  bool load(TextBuilder& error);

  // As it is now; after load(). Looked up in the kernel, but for what pause had to write down.
  Status status();
  bool half_made() const { return half_made_; }
  ContainerState& state() { return file_.state; }
  bool save(TextBuilder& error) const { return save_state(fd(), file_.state, error); }

  int root_fd() const { return root_fd_.get(); }
  int fd() const { return fd_.get(); }
  // The first process's pidfd, when status() found that it has not ended.
  int init_fd() const { return init_fd_.get(); }

 private:
  UniqueFd root_fd_;
  UniqueFd fd_;
  UniqueFd init_fd_;
  StateFile file_;
  bool half_made_ = false;
};
