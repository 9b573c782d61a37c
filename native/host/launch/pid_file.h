// What `run` and `exec` share: checking how a terminal is asked for, and the pid file.
#pragma once

#include <sys/types.h>

#include "common/unique_fd.h"
#include "host/bundle/config.h"
#include "host/command_line.h"

// A terminal needs a console socket and a console socket a terminal.
bool check_terminal(const CommandLine& line, const ProcessConfig& process, TextBuilder& error);

// Opens the terminal where one is asked for; else *terminal_fd stays invalid.
bool open_terminal(const CommandLine& line, const ProcessConfig& process, UniqueFd* terminal_fd, TextBuilder& error);

// Writes the pid, decimal, no newline, whole or not at all; nothing when no file was named.
bool write_pid_file(const char* path, pid_t pid, TextBuilder& error);
