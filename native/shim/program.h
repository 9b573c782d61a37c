// The runtime's executable, held open from the start to the last command: an upgrade may rename or replace the
// directory that it is in, and the container must be deleted nevertheless.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"

class HeldProgram {
 public:
  // `path` is borrowed. A name for PATH is not held. Ignores a failure: then it is as if it were not held.
  void open(const char* path);
  // What to pass to execvp(3): the path; or, if that is gone or another file by now, a path to the file that is held.
  // Not always the latter, since a script would see it as $0. Valid until the next call.
  const char* path();

 private:
  const char* path_ = nullptr;
  UniqueFd fd_;
  Text<64> held_path_;
};
