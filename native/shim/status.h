// The files by which shim and library agree who the process is and how it ended: pid, identity.json, exitStatus,
// exit.json.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string_view>

#include "common/text.h"
#include "common/unique_fd.h"

// The runtime's pid file: the pid, or -EPROTO when the file is missing, empty or no pid.
pid_t read_pid_file();

// 128+n for signal n, else the exit code: what a wait status is in one byte (as shells and the seed have it).
int exit_code_of(int wait_status);

// identity.json: {"pid","startTimeTicks","bootId"} of a process that we have not reaped yet, so that no later process
// with the same pid is taken for it. 0 or -errno.
int write_identity(pid_t pid);

// A file of the end, whole or not at all. It is made under another name, with its block, while there is room and nobody
// waits, so that a disk that is full by the end can't lose it, and a slow one does not hold the end up.
class ReservedFile {
 public:
  ReservedFile(const char* name, const char* reserved_name) : name_(name), reserved_name_(reserved_name) {}
  // `size` in bytes. All: 0 or -errno.
  int reserve(int size);
  // Makes it first where it is not reserved.
  int write(std::string_view text);

 private:
  const char* name_;
  const char* reserved_name_;
  UniqueFd fd_;
};

// exitStatus, decimal.
class ExitStatusFile {
 public:
  int reserve() { return file_.reserve(4); }
  int write(int code);

 private:
  ReservedFile file_{"exitStatus", ".exitStatus.tmp"};
};

// exit.json: what more is known of the end (docs/protocol.md). Nobody depends on it.
class ExitRecordFile {
 public:
  int reserve() { return file_.reserve(256); }
  int write(int wait_status, const struct rusage& usage);

 private:
  ReservedFile file_{"exit.json", ".exit.json.tmp"};
};
