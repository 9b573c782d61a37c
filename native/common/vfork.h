// Children that run in our memory until they call exec, made by our own system call. The C library's vfork() cannot be
// relied on: that of musl before 1.2.5 is a fork() on arm64, whose child cannot tell us anything in memory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

// clone(2)'s struct clone_args as of Linux 5.7; older headers lack its last member.
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

// As vfork(2): the child calls `child`, which does not return, in our memory and on our stack, while we wait until it
// has called exec or has ended. The pid, or -errno.
pid_t vfork_call(void (*child)(void*), void* context);

// The same by clone3(2), with CLONE_VM and CLONE_VFORK added to what `arguments` asks for; -ENOSYS on a processor for
// which we have no such call.
pid_t vfork_call(CloneArguments arguments, void (*child)(void*), void* context);
