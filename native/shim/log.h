// The shim's log, shim-log.json: one JSON object a line, {"level","msg"}, escaped (RFC 8259). Each line is one write(2)
// to an O_APPEND descriptor, so that lines of two writers never mix.
#pragma once

#include <string_view>

#include "common/unique_fd.h"

class JsonLog {
 public:
  // Opens the log for appending, created with mode 0600: 0 or -errno. Lines to a log that is not open are dropped.
  int open(const char* path);
  // spawn_errno: 0, or the errno with which the runtime could not be executed. It is a field of its own in the line.
  void error(std::string_view message, int spawn_errno = 0) { line("error", message, spawn_errno); }
  void warning(std::string_view message) { line("warning", message, 0); }

 private:
  void line(std::string_view level, std::string_view message, int spawn_errno);
  UniqueFd fd_;
};
