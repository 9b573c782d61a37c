// The last steps before the program runs: default signals, and the search for the program in the PATH that the process
// will have (execvp(3), without its fallback to a shell).
#pragma once

#include "host/launch/child.h"

// Every signal gets its default disposition, and none is blocked.
void reset_signals();

struct ProgramFailure {
  ChildStep step;
  int err;
};

// Executes the program. Returns only on failure.
ProgramFailure exec_program(const char* const* args, const char* const* env);

// Checks, without executing, that the program exists and that this user may execute it. err: 0, or the errno that
// exec_program() would fail with.
ProgramFailure check_program(const char* const* args, const char* const* env);
