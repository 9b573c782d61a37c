// The files by which shim and library agree who the process is and how it ended: pid, identity.json, exitStatus,
// exit.json.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "common/text.h"
#include "common/unique_fd.h"

// The runtime's pid file: the pid, or -EPROTO when the file is missing, empty or no pid.
pid_t read_pid_file();

// 128+n for signal n, else the exit code: what a wait status is in one byte (as shells and the seed have it).
int exit_code_of(int wait_status);

// identity.json: {"pid","startTimeTicks","bootId"} of a process that we have not reaped yet, so that no later process
// with the same pid is taken for it. 0 or -errno.
int write_identity(pid_t pid);

// exitStatus: decimal, whole or not at all. Its file is made, with its block, before there is a process, so that a disk
// that is full by the end can't lose the status.
class ExitStatusFile {
 public:
  // Both: 0 or -errno.
  int reserve();
  int write(int code);

 private:
  UniqueFd fd_;
};

// exit.json: what more is known of the end (docs/protocol.md). 0 or -errno; nobody depends on it.
int write_exit_record(int wait_status, const struct rusage& usage);
