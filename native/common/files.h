// Whole files: bounded reads, atomic writes. Every function returns >= 0 or -errno, repeats an interrupted call, and
// opens close-on-exec.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

#include "common/unique_fd.h"

// The bytes of a file; once filled, data[size] is NUL. A small file, as most of /proc are, needs no heap.
class FileBytes {
 public:
  FileBytes() {}  // leaves the buffer as it is
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  ~FileBytes();

  char* data() { return data_; }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_ == nullptr ? "" : data_, size_}; }

 private:
  friend int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out);
  ssize_t fill(int fd, size_t stated_size, size_t max_size);

  char* data_ = nullptr;  // small_, or on the heap
  size_t size_ = 0;
  char small_[4096];
};

// openat(2) with O_CLOEXEC added.
int open_fd(int dir_fd, const char* path, int flags, mode_t mode = 0);

// Reads a regular file whole. -EFBIG if it is larger than max_size, -EINVAL if it is not a regular file.
int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out);

// Writes all bytes to a blocking descriptor.
int write_all(int fd, std::string_view bytes);

// Waits until what was written to an open file or directory is on the disk: fsync(2).
int flush(int fd);

// Writes the file so that a reader sees the old content or the whole new one: a temporary file beside it, then
// rename(2). The mode is `mode`, whatever the umask. Nothing is left after a failure. `path` is a plain name in dir_fd
// of at most 200 bytes. `durable`: the content is flushed before the rename, so that a power cut leaves the old content
// or the whole new one, too.
int write_file_atomic(int dir_fd, const char* path, std::string_view bytes, mode_t mode, bool durable = false);
