// open(2) for a thread that must not wait: the event loop's.
#pragma once

#include <sys/types.h>

// open(2) with O_CLOEXEC added: a descriptor or -errno. Without O_NONBLOCK a FIFO is refused with kWouldBlock (calls.h)
// and is not opened.
int open_nonblocking(const char* path, int flags, mode_t mode);
