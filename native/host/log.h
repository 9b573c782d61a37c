// Where errors go: runc's --log file, as JSON lines or as text, or standard error where no log was named. Every line is
// one write(2) to an O_APPEND descriptor. Does not own the shim's log (common/log.h), which has no time.
#pragma once

#include <string_view>

#include "common/text.h"
#include "common/unique_fd.h"

class Report {
 public:
  // Opens (creates, 0600) the log for append: 0 or -errno.
  int open(const char* path, bool json);
  void error(std::string_view message) const;

 private:
  UniqueFd log_fd_;
  bool json_ = false;
};

// An errno's text as runc words it: strerror(3), first letter small.
TextBuilder& add_reason(TextBuilder& out, int err);
