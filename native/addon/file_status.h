// What an open or named file is, by statx(2), Linux 4.11: fstat(2)'s symbol in the C library would need glibc 2.33.
#pragma once

#include <sys/types.h>

#include <cstdint>

struct FileStatus {
  uint64_t device, inode;
  int64_t modified_ns;  // since 1970
  uint64_t size;
  mode_t mode;  // S_ISREG() and the like tell the type
  uid_t uid;
};

// 0 or -errno. The descriptor may be an O_PATH one.
int status_of(int fd, FileStatus* status);

// Does not follow a link in the last place of the path.
int status_at(const char* path, FileStatus* status);
