// The numbers in a directory of /proc, one by one: processes, or the threads of one.
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

  // 0 at the end.
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
