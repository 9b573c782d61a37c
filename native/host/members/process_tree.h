// Which processes are whose children. Two sources: /proc/<pid>/task/<tid>/children, which costs little but is not
// everywhere (CONFIG_PROC_CHILDREN) and may miss one while its siblings are being reaped; and a walk over all of /proc,
// which costs milliseconds and misses none that exists throughout. Pids only: who they are is checked by the caller.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "common/heap_array.h"

class ProcessTree {
 public:
  // Reads all of /proc now; children_of() answers from it too from then on.
  int read_all();
  // Appends the children of a process, some perhaps twice: 0 or -errno; -ENOSYS when read_all() is needed.
  int children_of(pid_t pid, HeapArray<pid_t>* out) const;

 private:
  int add_children_file(pid_t pid, HeapArray<pid_t>* out) const;
  struct Row {
    pid_t pid;
    pid_t parent;
  };
  HeapArray<Row> rows_;
};

// Appends the decimal numbers of a text: 0 or -ENOMEM. 0 (a process that our pid namespace cannot see) is left out.
int add_pids(std::string_view text, HeapArray<pid_t>* out);
