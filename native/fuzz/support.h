// What several fuzz targets need.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/files.h"

inline void require(bool holds) {
  if (!holds) abort();
}

// One directory in memory for the whole run. At its end it is removed, and the files in it that `names` lists.
template <size_t N>
int memory_directory(const char* const (&names)[N]) {
  static char path[] = "/dev/shm/outlive-fuzz-XXXXXX";
  static const char* const* files = names;
  static int fd = -1;
  if (fd < 0) {
    require(mkdtemp(path) != nullptr);
    fd = open_fd(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    require(fd >= 0);
    atexit([] {
      for (size_t i = 0; i < N; i++) unlinkat(fd, files[i], 0);
      rmdir(path);
    });
  }
  return fd;
}
