// The two ways to make a child that starts inside a cgroup.
#pragma once

#include <sys/types.h>

// Like fork(2). *entered: the child is in the cgroup from its first instruction. cgroup_fd: -1 for none.
pid_t fork_into(int cgroup_fd, bool* entered);

// Like vfork(2): the child calls `child`, which does not return, in our memory, while we wait until it has called exec
// or has ended. *entered is set before the child runs. The pid, or -1 with errno.
pid_t vfork_into(int cgroup_fd, bool* entered, void (*child)(void*), void* context);
