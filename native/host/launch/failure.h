// The messages for failures in the child; runc's wording, if runc has one.
#pragma once

#include "common/text.h"
#include "host/launch/child.h"

// What a message may quote from the process object.
struct FailureNames {
  const char* program;
  const char* cwd;
};

void add_failure(const FailureNames& names, const ChildFailure& failure, TextBuilder& error);
