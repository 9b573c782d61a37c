// The child between `create` and `start`: it holds nothing but its stdio and the start socket, and sleeps in accept(2).
#pragma once

// Closes every other descriptor, the channel to `create` too, whose end tells `create` that all is ready; then waits
// until a `start` lets the process go. Returns the connection to that `start`. There is nobody to tell of an error.
int wait_for_start(int start_fd);

// How many descriptors the wait needs: a smaller RLIMIT_NOFILE is set when it is over.
constexpr unsigned kWaitDescriptors = 5;
