// The last steps before the program: signals as they are by default, nothing open but stdio, and the search for it in
// the PATH that the process itself will have (execvp(3), without its shell for files of unknown format).
#pragma once

#include "host/child.h"

void reset_signals();

// Everything from 3 on: 0 or -errno.
int close_descriptors_on_exec();

struct ExecFailure {
  ChildStep step;
  int err;
};

// Returns only when it failed.
ExecFailure exec_program(const char* const* args, const char* const* env);
