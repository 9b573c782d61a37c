// Who a pid is: what /proc says of a process, read so that it can be compared later (proc(5)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

struct ProcStat {
  char state = 0;
  pid_t ppid = 0;
  pid_t pgrp = 0;
  pid_t session = 0;
  uint64_t flags = 0;             // field 9: the kernel's PF_*
  uint64_t start_time_ticks = 0;  // field 22: clock ticks since boot
};

// Parses the text of /proc/<pid>/stat; the name in parentheses may hold anything, so fields count from the last ')'.
bool parse_proc_stat(std::string_view text, ProcStat* out);

// Reads /proc/<pid>/stat: 0, or -ESRCH when there is no such process, or another -errno.
int read_proc_stat(pid_t pid, ProcStat* out);

// Reads the kernel's boot id (36 characters) into a buffer of 37: 0 or -errno.
int read_boot_id(char out[37]);
