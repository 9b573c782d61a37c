// The words for what went wrong in the child, runc's where it has some.
#pragma once

#include "common/text.h"
#include "host/launch/child.h"

// What the words name, of the process object.
struct LaunchNames {
  const char* program;
  const char* cwd;
};

void add_launch_error(const LaunchNames& names, const ChildFailure& failure, TextBuilder& error);
