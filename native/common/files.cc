#include "common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/text.h"

FileBytes::~FileBytes() { free(data_); }

int open_fd(int dir_fd, const char* path, int flags, mode_t mode) {
  int fd;
  do fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out) {
  // O_NONBLOCK: a FIFO planted under the name must not block the open.
  UniqueFd fd(open_fd(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return -errno;
  struct stat st;
  if (fstat(fd.get(), &st) < 0) return -errno;
  if (!S_ISREG(st.st_mode)) return -EINVAL;
  if (st.st_size > 0 && static_cast<size_t>(st.st_size) > max_size) return -EFBIG;

  // procfs files say size 0, so the size is a first guess only.
  size_t capacity = st.st_size > 0 ? static_cast<size_t>(st.st_size) + 1 : 4096;
  size_t size = 0;
  char* data = static_cast<char*>(malloc(capacity + 1));
  if (data == nullptr) return -ENOMEM;
  int err = 0;
  for (;;) {
    if (size > max_size) {
      err = -EFBIG;
      break;
    }
    if (size == capacity) {
      capacity *= 2;
      char* grown = static_cast<char*>(realloc(data, capacity + 1));
      if (grown == nullptr) {
        err = -ENOMEM;
        break;
      }
      data = grown;
    }
    ssize_t n = read(fd.get(), data + size, capacity - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) err = -errno;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  if (err < 0) {
    free(data);
    return err;
  }
  data[size] = '\0';
  free(out->data_);
  out->data_ = data;
  out->size_ = size;
  return 0;
}

int write_all(int fd, std::string_view bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  while (left > 0) {
    ssize_t n = write(fd, at, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    at += n;
    left -= static_cast<size_t>(n);
  }
  return 0;
}

int write_file_atomic(int dir_fd, const char* path, std::string_view bytes, mode_t mode) {
  Text<256> temp;
  temp.add('.').add(path).add('.').add_int(getpid()).add(".tmp");
  if (temp.truncated()) return -ENAMETOOLONG;
  // A process of the same pid may have died between its open and its rename; what it left would bar this name for ever.
  unlinkat(dir_fd, temp.c_str(), 0);
  UniqueFd fd(open_fd(dir_fd, temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  if (!fd.valid()) return -errno;
  int err = write_all(fd.get(), bytes);
  if (err == 0 && fchmod(fd.get(), mode) < 0) err = -errno;
  if (err == 0 && renameat(dir_fd, temp.c_str(), dir_fd, path) < 0) err = -errno;
  if (err < 0) unlinkat(dir_fd, temp.c_str(), 0);
  return err;
}
