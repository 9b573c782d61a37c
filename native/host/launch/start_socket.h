// The start socket in the container's directory: through it `start` reaches the first process that `create` made.
// `start` connects and sends one byte. The answer is the end of the connection, which exec closes, or a ChildFailure
// followed by the program's name.
#pragma once

#include "common/unique_fd.h"

// Makes the socket: 0 or -errno.
int listen_for_start(int container_fd, UniqueFd* socket_fd);

// The child's side. Closes every descriptor but stdio and the socket; this closes the channel, which tells `create`
// that all is ready. Then waits for a `start` and returns the connection to it. There is nobody to report an error to.
int wait_for_start(int start_fd);

// The number of descriptors that the wait needs. A smaller RLIMIT_NOFILE is set only after it.
constexpr unsigned kWaitDescriptors = 5;

// The side of `start`: connects and sends the byte. 0 or -errno.
int send_start(int container_fd, UniqueFd* connection_fd);

bool has_start_socket(int container_fd);
void remove_start_socket(int container_fd);
