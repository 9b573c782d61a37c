// The processes below the shim: who is one of ours already, who will be, and how all of them are ended.
#pragma once

#include <sys/types.h>

// A child that we have not reaped, dead or alive: its pid is its own until we do, and its status comes to us.
bool is_child(pid_t pid);

// 0 when `pid` is a child of `ancestor`, or a child's child …; -ECHILD when it is not, -ESRCH when it is gone.
int is_descendant(pid_t pid, pid_t ancestor);

// SIGKILL to every child. What they leave behind comes to us, their subreaper, when they die: call again then.
void kill_children();
