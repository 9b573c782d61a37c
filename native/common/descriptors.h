// What an executable does to its descriptor table as a whole. Each function returns 0 or -errno.
#pragma once

// Closes every descriptor from `first_fd` on, now. Makes only system calls, so that a child may use it that shares its
// parent's memory (clone(2) with CLONE_VM).
int close_descriptors_from(int first_fd);

// Marks every descriptor from `first_fd` on close-on-exec.
int close_descriptors_on_exec(int first_fd);

// Opens /dev/null as each of 0, 1 and 2 that is closed. Otherwise the next file that is opened would take that number
// and become the stdio of every program started later.
int fill_standard_descriptors();
