// Which processes are whose children. Two sources: /proc/<pid>/task/<tid>/children is cheap, but needs
// CONFIG_PROC_CHILDREN and may miss a child while its siblings are being reaped; a walk over all of /proc takes
// milliseconds and misses no process that exists throughout. Returns pids only: the caller checks who they are.
#pragma once

#include <sys/types.h>

#include "common/heap_array.h"

class ProcessTree {
 public:
  // Reads all of /proc now. From then on, children_of() uses that too.
  int read_all();
  // Appends the children of a process, some perhaps twice: 0 or -errno. -ENOSYS if read_all() is needed first.
  int children_of(pid_t pid, HeapArray<pid_t>* out) const;

 private:
  int add_children_file(pid_t pid, HeapArray<pid_t>* out) const;
  struct Row {
    pid_t pid;
    pid_t parent;
  };
  HeapArray<Row> rows_;  // sorted by parent
};
