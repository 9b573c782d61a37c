// The files that tell the library which process it is and how it ended: pid, identity.json, exitStatus, exit.json.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "common/identity.h"
#include "common/text.h"
#include "common/unique_fd.h"

// Reads the runtime's pid file: the pid, or -EPROTO if the file is missing, empty or holds no pid.
pid_t read_pid_file();

// A wait status in one byte, as in shells and in containerd's shim: 128 + n for signal n, otherwise the exit code.
int exit_code_of(int wait_status);

// identity.json, {"pid","startTimeTicks","bootId","shim"} (of the shim: pid, start time, version), so that no later
// process with the same pid is taken for this one.
class IdentityFile {
 public:
  // Reads what does not depend on the process, while the runtime starts that.
  void prepare();
  // The process must not be reaped yet. `durable` as in write_file_atomic(). 0 or -errno, also that of prepare().
  int write(pid_t pid, bool durable) const;

 private:
  int prepared_ = 0;
  char boot_id_[37];
  ProcessIdentity shim_;
};

// A file that is written when the process ends, whole or not at all. It is made early, under another name and with its
// disk block: a disk that is full at the end cannot lose it, and a slow disk does not delay the end.
class ReservedFile {
 public:
  ReservedFile(const char* name, const char* reserved_name) : name_(name), reserved_name_(reserved_name) {}
  // `size` in bytes. These functions return 0 or -errno.
  int reserve(int size);
  // Writes, still under the reserved name. Makes the file first if it is not reserved.
  int write(std::string_view text);
  int flush();
  // Gives it its name: from then on it is seen.
  int publish();

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
  int flush() { return file_.flush(); }
  int publish() { return file_.publish(); }

 private:
  ReservedFile file_{"exitStatus", ".exitStatus.tmp"};
};

// exit.json: further details of the end (docs/protocol.md). Optional.
class ExitRecordFile {
 public:
  int reserve() { return file_.reserve(256); }
  // Writes, flushes if `durable`, and publishes. `oom_kills` is -1 if it is not known.
  int write(int wait_status, const struct rusage& usage, int64_t oom_kills, bool durable);

 private:
  ReservedFile file_{"exit.json", ".exit.json.tmp"};
};
