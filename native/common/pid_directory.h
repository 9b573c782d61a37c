// The numeric names in a directory of /proc: the processes in /proc, or the threads in /proc/<pid>/task.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include "common/text.h"

class PidDirectory {
 public:
  explicit PidDirectory(const char* path) : dir_(opendir(path)) {}
  PidDirectory(const PidDirectory&) = delete;
  PidDirectory& operator=(const PidDirectory&) = delete;
  ~PidDirectory() {
    if (dir_ != nullptr) closedir(dir_);
  }
  bool valid() const { return dir_ != nullptr; }

  // The next number, or 0 at the end.
  pid_t next() {
    while (struct dirent* entry = readdir(dir_)) {
      int64_t pid = 0;
      if (parse_int(entry->d_name, &pid) && pid > 0) return static_cast<pid_t>(pid);
    }
    return 0;
  }

 private:
  DIR* dir_;
};
