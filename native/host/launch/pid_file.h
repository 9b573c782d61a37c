// The pid file of `run`, `create` and `exec` (runc's --pid-file).
#pragma once

#include <sys/types.h>

#include "common/text.h"

// Writes the pid, decimal, without a newline, whole or not at all. Does nothing if `path` is nullptr.
bool write_pid_file(const char* path, pid_t pid, TextBuilder& error);
