// Why a command of the host runtime failed: the message, and an errno in it.
#pragma once

#include "common/text.h"

// A system call of the new process that failed.
struct FailedCall {
  int err = 0;
  const char* name = "";
  Text<4096> path;  // empty if it takes none
};

// The message; the call that failed, if there is one; and the library's error code, if the failure has one of its own
// (nullptr: ERR_OCI_RUNTIME). The latter two are logged in fields of their own, for programs.
class Reason : public Text<4096> {
 public:
  FailedCall call;
  const char* code = nullptr;
};

// Appends strerror(3)'s text as runc words it: with a small first letter. `err` may be negated.
TextBuilder& add_reason(TextBuilder& out, int err);
