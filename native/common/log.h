// The JSON log of shim and runtime: one object a line, {"level","msg"}, every message escaped (RFC 8259), each line
// one write(2) to an O_APPEND descriptor, so that two writers never mix.
#pragma once

#include <string_view>

#include "common/unique_fd.h"

class JsonLog {
 public:
  // Opens (creates, 0600) the log for append. Returns 0 or -errno; a log that did not open swallows its lines.
  int open(const char* path);
  void error(std::string_view message) { line("error", message); }
  void warning(std::string_view message) { line("warning", message); }
  bool valid() const { return fd_.valid(); }

 private:
  void line(std::string_view level, std::string_view message);
  UniqueFd fd_;
};
