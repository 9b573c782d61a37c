// The start socket, in the container's directory: how `start` reaches the first process that `create` made. `start`
// connects and sends one byte. What comes back is the end of the connection, which exec closes, or a ChildFailure
// followed by the program's name. The process's end of it is in child_wait.h.
#pragma once

#include "common/unique_fd.h"

// Makes the socket: 0 or -errno.
int listen_for_start(int container_fd, UniqueFd* socket_fd);

// Connects and lets the process go: 0 or -errno.
int send_start(int container_fd, UniqueFd* connection_fd);

bool has_start_socket(int container_fd);
void remove_start_socket(int container_fd);
