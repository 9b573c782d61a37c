// Numbers of system calls that the headers of older C libraries lack. They are the same on every architecture.
#pragma once

#include <sys/syscall.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif

// waitid(2)'s P_PIDFD (Linux 5.4).
constexpr int kIdTypePidfd = 3;
