// open(2) for a thread that must not sleep: the event loop's.
#pragma once

#include <sys/types.h>

// open(2) with O_CLOEXEC added. Without O_NONBLOCK a path that is a FIFO is refused with kWouldBlock (calls.h), and
// nothing of it was opened. Returns a descriptor or -errno.
int open_nonblocking(const char* path, int flags, mode_t mode);
