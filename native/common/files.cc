#include "common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "common/retry.h"
#include "common/text.h"

FileBytes::~FileBytes() {
  if (data_ != small_) free(data_);
}

int open_fd(int dir_fd, const char* path, int flags, mode_t mode) {
  return retried([&] { return openat(dir_fd, path, flags | O_CLOEXEC, mode); });
}

namespace {

// Opens a regular file for reading: 0 and its size, or -errno.
int open_regular(int dir_fd, const char* path, UniqueFd* fd, size_t* size) {
  // O_NONBLOCK: open(2) must not wait if the name is a FIFO.
  fd->reset(open_fd(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd->valid()) return fd->get();
  struct stat st;
  if (fstat(fd->get(), &st) < 0) return -errno;
  if (!S_ISREG(st.st_mode)) return -EINVAL;
  *size = st.st_size > 0 ? static_cast<size_t>(st.st_size) : 0;
  return 0;
}

}  // namespace

// Reads to the end of the file, growing the buffer: the size, or -errno.
ssize_t FileBytes::fill(int fd, size_t stated_size, size_t max_size) {
  size_t size = 0;
  size_t capacity = sizeof small_ - 1;
  if (data_ != small_) free(data_);
  data_ = small_;
  for (;;) {
    // Files of procfs have size 0, so the stated size is only a first guess.
    bool is_full = size == capacity;
    if (is_full || stated_size > capacity) {
      capacity = is_full ? 2 * capacity : stated_size + 1;
      char* grown = static_cast<char*>(realloc(data_ == small_ ? nullptr : data_, capacity + 1));
      if (grown == nullptr) return -ENOMEM;
      if (data_ == small_) memcpy(grown, small_, size);
      data_ = grown;
    }
    ssize_t n = retried([&] { return read(fd, data_ + size, capacity - size); });
    if (n <= 0) return n < 0 ? n : static_cast<ssize_t>(size);
    size += static_cast<size_t>(n);
    if (size > max_size) return -EFBIG;
  }
}

int read_file(int dir_fd, const char* path, size_t max_size, FileBytes* out) {
  UniqueFd fd;
  size_t stated = 0;
  int err = open_regular(dir_fd, path, &fd, &stated);
  if (err < 0) return err;
  if (stated > max_size) return -EFBIG;
  ssize_t size = out->fill(fd.get(), stated, max_size);
  out->size_ = size < 0 ? 0 : static_cast<size_t>(size);
  out->data_[out->size_] = '\0';
  return size < 0 ? static_cast<int>(size) : 0;
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = retried([&] { return write(fd, bytes.data(), bytes.size()); });
    if (n < 0) return static_cast<int>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

int flush(int fd) {
  return retried([&] { return fsync(fd); });
}

int write_file_atomic(int dir_fd, const char* path, std::string_view bytes, mode_t mode, bool durable) {
  Text<256> temp;
  temp.add('.').add(path).add('.').add_int(getpid()).add(".tmp");
  if (temp.truncated()) return -ENAMETOOLONG;
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  UniqueFd fd(open_fd(dir_fd, temp.c_str(), kFlags, mode));
  if (fd.get() == -EEXIST) {
    // A process with the same pid has died between its open and its rename.
    unlinkat(dir_fd, temp.c_str(), 0);
    fd.reset(open_fd(dir_fd, temp.c_str(), kFlags, mode));
  }
  if (!fd.valid()) return fd.get();
  // ext4 and btrfs then write the file soon after it is closed, as they do with one that replaces another. Else a power
  // cut within the next half minute may leave an empty file.
  int err = ftruncate(fd.get(), 0) < 0 ? -errno : write_all(fd.get(), bytes);
  if (err == 0 && fchmod(fd.get(), mode) < 0) err = -errno;
  if (err == 0 && durable) err = flush(fd.get());
  if (err == 0 && renameat(dir_fd, temp.c_str(), dir_fd, path) < 0) err = -errno;
  if (err < 0) unlinkat(dir_fd, temp.c_str(), 0);
  return err;
}
