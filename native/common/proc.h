// Readers of /proc (proc(5)): a process's stat and other files, lists of pids, the boot id. Every function that returns
// an int returns 0 or -errno.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "common/files.h"
#include "common/heap_array.h"

struct ProcStat {
  char state = 0;
  pid_t ppid = 0;
  pid_t pgrp = 0;
  pid_t session = 0;
  uint64_t flags = 0;             // field 9: the kernel's PF_*
  int64_t user_ticks = 0;         // fields 14 and 16: of the process and of the children that it has waited for
  int64_t kernel_ticks = 0;       // fields 15 and 17
  int64_t threads = 0;            // field 20
  uint64_t start_time_ticks = 0;  // field 22: clock ticks since boot
};

// Parses the text of /proc/<pid>/stat. The name in parentheses may hold any byte, so fields count from the last ')'.
bool parse_proc_stat(std::string_view text, ProcStat* out);

// Reads /proc/<pid>/stat; -ESRCH if there is no such process.
int read_proc_stat(pid_t pid, ProcStat* out);

// True if the process has not called execve(2) since it was forked: the kernel's PF_FORKNOEXEC. A zombie keeps it.
inline bool never_called_exec(const ProcStat& stat) { return (stat.flags & 0x40) != 0; }

// Reads /proc/<pid>/<name>.
int read_proc_file(pid_t pid, const char* name, size_t max_size, FileBytes* out);

// Appends the pids of a text, each followed by a space or a newline. Leaves out 0, which stands for a process that our
// pid namespace cannot see. 0 or -ENOMEM.
int add_pids(std::string_view text, HeapArray<pid_t>* out);

// Makes sure that /proc is there and shows our own pid namespace (pid_namespaces(7)). In another one, a pid is somebody
// else's: -EXDEV. In an outer one we have several pids, separated by tabs: the one there and those in the inner ones.
// *ignored_signals (may be nullptr): those that this process ignores; bit 0 stands for signal 1.
int check_proc(uint64_t* ignored_signals = nullptr);
constexpr char kForeignProc[] = "/proc shows another pid namespace";

// Reads the kernel's boot id (36 characters) into a buffer of 37.
int read_boot_id(char out[37]);
