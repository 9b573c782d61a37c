// The last step before the program runs: the search for it in the PATH that the process will have (execvp(3), without
// its fallback to a shell).
#pragma once

#include "host/launch/child.h"

struct ProgramFailure {
  ChildStep step;
  int err;
};

// Executes the program. Returns only on failure.
ProgramFailure exec_program(const char* const* args, const char* const* env);

// Checks, without executing, that the program exists and that this user may execute it. err: 0, or the errno that
// exec_program() would fail with.
ProgramFailure check_program(const char* const* args, const char* const* env);
