// The processes below the shim: which are its children, which may become so, and how to kill all of them.
#pragma once

#include <sys/types.h>

// True if `pid` is our child, alive or a zombie. Then its pid cannot be reused before we reap it, and we get its
// status.
bool is_child(pid_t pid);

// 0 if `pid` is a descendant of `ancestor`; -ECHILD if not; -ESRCH if it is gone.
int is_descendant(pid_t pid, pid_t ancestor);

// Sends SIGKILL to every child. We are their subreaper, so their children become ours when they die: call again then.
void kill_children();
