// The process's terminal: a pty whose master goes to the caller's console socket, as runc hands it over (runc's
// docs/terminals.md, "detached").
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/bundle/config.h"

// A terminal needs a console socket, and a console socket needs a terminal. False with the reason.
bool check_console(const ProcessConfig& process, const char* socket_path, TextBuilder& error);

// If the process asks for a terminal: opens a pty of the size that the config names, sends its master to the socket,
// and puts the process's end into *slave_fd. Otherwise *slave_fd stays invalid.
bool open_console(const ProcessConfig& process, const char* socket_path, UniqueFd* slave_fd, TextBuilder& error);
