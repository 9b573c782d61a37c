// Whole files: bounded reads, atomic writes. Every function returns >= 0 or -errno, retries EINTR, and opens
// close-on-exec.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

#include "common/unique_fd.h"

// A heap buffer that owns its bytes; data[size] is always NUL.
class FileBytes {
 public:
  FileBytes() = default;
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes();

  char* data() { return data_; }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_ == nullptr ? "" : data_, size_}; }

 private:
  friend int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out);
  char* data_ = nullptr;
  size_t size_ = 0;
};

// open(2), O_CLOEXEC added.
int open_fd(int dir_fd, const char* path, int flags, mode_t mode = 0);

// Reads a regular file whole. -EFBIG when it is larger than max_size, -EINVAL when it is no regular file.
int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out);

// Writes all of it to a blocking descriptor.
int write_all(int fd, std::string_view bytes);

// Writes `path` so that a reader sees the old file or the whole new one, never a part: temporary name beside it,
// mode `mode` whatever the umask, rename(2). The temporary file is gone after a failure. `path` is a plain name in
// dir_fd of at most 200 bytes.
int write_file_atomic(int dir_fd, const char* path, std::string_view bytes, mode_t mode);
