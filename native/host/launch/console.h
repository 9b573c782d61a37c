// The process's terminal: a pty whose master goes to the caller's console socket, as runc hands it over (runc,
// docs/terminals.md, "detached").
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "host/bundle/config.h"

// Opens a pty of the size the config gives and sends its master to the socket at `path`. The process's end in
// *slave_fd.
bool open_console(const ProcessConfig& process, const char* path, UniqueFd* slave_fd, TextBuilder& error);
