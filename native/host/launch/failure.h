// The messages for failures in the child; runc's wording, if runc has one.
#pragma once

#include "host/launch/child.h"
#include "host/reason.h"

constexpr char kKilledBeforeStart[] = "the process was killed before it started";

// What a message may quote from the process object.
struct FailureNames {
  const char* program;
  const char* cwd;
};

void add_failure(const FailureNames& names, const ChildFailure& failure, Reason& error);
