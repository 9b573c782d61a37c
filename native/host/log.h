// Where errors go: to runc's --log file, as JSON lines or as text, or to standard error if no log was named. Each line
// is one write(2) to an O_APPEND descriptor. The shim's log is another one (shim/log.h).
#pragma once

#include <string_view>

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/reason.h"

class HostLog {
 public:
  // Opens the log for appending, created with mode 0600: 0 or -errno.
  int open(const char* path, bool json);
  // call: nullptr, or the system call that failed. code: nullptr, or the library's code of the error. In JSON both are
  // in fields of their own.
  void error(std::string_view message, const FailedCall* call = nullptr, const char* code = nullptr) const;

 private:
  UniqueFd log_fd_;
  bool json_ = false;
};
