// The last steps before the program: signals as they are by default, nothing open but stdio, and the search for it in
// the PATH that the process itself will have (execvp(3), without its shell for files of unknown format).
#pragma once

#include "host/launch/child.h"

void reset_signals();

// Everything from 3 on: 0 or -errno.
int close_descriptors_on_exec();
// At once: 0 or -errno.
int close_descriptors_from(int first_fd);

struct ExecFailure {
  ChildStep step;
  int err;
};

// Returns only when it failed.
ExecFailure exec_program(const char* const* args, const char* const* env);

// What can be known of that without doing it: that there is a program, and that this user may execute it. err: 0, or
// what exec_program() would fail with.
ExecFailure check_program(const char* const* args, const char* const* env);
