// System calls on paths and descriptors: mkfifo(3), open(2), close(2), read(2), readv(2), splice(2), write(2),
// fcntl(2), ioctl_pipe(2), eventfd(2), flock(2), inotify(7). A read or write that could wait is refused.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "addon/calls.h"
#include "addon/file_status.h"
#include "addon/open_nonblocking.h"

namespace {

constexpr uint32_t kMaxBuffers = 64;

// 0 if a read or write of the descriptor cannot wait for another process: it is O_NONBLOCK, or a file or directory, for
// which O_NONBLOCK makes no difference. Otherwise kWouldBlock, or -errno.
int check_never_waits(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  FileStatus status;
  int result = status_of(fd, &status);
  if (result < 0) return result;
  return S_ISREG(status.mode) || S_ISDIR(status.mode) ? 0 : kWouldBlock;
}

// An argument that is an array of buffers, as the parts of a readv(2).
class Buffers {
 public:
  // False if there are too many.
  bool take(Napi::Value argument) {
    Napi::Array buffers = argument.As<Napi::Array>();
    if (buffers.Length() > kMaxBuffers) return false;
    count_ = buffers.Length();
    for (uint32_t i = 0; i < count_; i++) {
      Napi::Uint8Array buffer = buffers.Get(i).As<Napi::Uint8Array>();
      parts_[i] = {buffer.Data(), buffer.ByteLength()};
      left_ += buffer.ByteLength();
    }
    return true;
  }
  const struct iovec* parts() const { return parts_ + first_; }
  int count() const { return static_cast<int>(count_ - first_); }
  size_t left() const { return left_; }
  // `n` bytes were read into them.
  void advance(size_t n) {
    left_ -= n;
    while (n > 0) {
      struct iovec& part = parts_[first_];
      size_t used = std::min(n, part.iov_len);
      part = {static_cast<char*>(part.iov_base) + used, part.iov_len - used};
      n -= used;
      if (part.iov_len == 0) first_++;
    }
  }

 private:
  struct iovec parts_[kMaxBuffers];
  uint32_t count_ = 0;
  uint32_t first_ = 0;
  size_t left_ = 0;
};

}  // namespace

Napi::Value mkfifo_call(const Napi::CallbackInfo& info) {
  PathArg path(info, 0);
  mode_t mode = static_cast<mode_t>(int_arg(info, 1));
  return number(info, retried([&] { return mkfifo(path.c_str(), mode); }));
}

Napi::Value open_call(const Napi::CallbackInfo& info) {
  return number(info,
                open_nonblocking(PathArg(info, 0).c_str(), int_arg(info, 1), static_cast<mode_t>(int_arg(info, 2))));
}

Napi::Value close_call(const Napi::CallbackInfo& info) {
  // Linux frees the descriptor even if close(2) fails with EINTR, so it is never repeated and EINTR is no failure.
  int result = close(int_arg(info, 0));
  return number(info, result < 0 && errno != EINTR ? -errno : 0);
}

Napi::Value read_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  Napi::Uint8Array buffer = info[1].As<Napi::Uint8Array>();
  int check = check_never_waits(fd);
  if (check < 0) return number(info, check);
  return number(info, static_cast<double>(retried([&] { return read(fd, buffer.Data(), buffer.ByteLength()); })));
}

// (fd, buffers): TypeScript passes at most kMaxBuffers.
Napi::Value readv_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  Buffers buffers;
  if (!buffers.take(info[1])) return number(info, -EINVAL);
  int check = check_never_waits(fd);
  if (check < 0) return number(info, check);
  return number(info, static_cast<double>(retried([&] { return readv(fd, buffers.parts(), buffers.count()); })));
}

// (fd, read end, write end, buffers): as readv_call(), from a pipe, by way of an empty pipe, which is empty again after
// it. read(2) copies under the lock of the pipe, for which the writer waits meanwhile, spinning; splice(2) moves pages.
Napi::Value read_through_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0), read_end = int_arg(info, 1), write_end = int_arg(info, 2);
  Buffers buffers;
  if (!buffers.take(info[3])) return number(info, -EINVAL);
  size_t total = 0;
  while (buffers.left() > 0) {
    ssize_t moved = retried(
        [&] { return splice(fd, nullptr, write_end, nullptr, buffers.left(), SPLICE_F_MOVE | SPLICE_F_NONBLOCK); });
    // What was read before is told first; the next call meets the error or the end again.
    if (moved <= 0) return number(info, static_cast<double>(total > 0 ? static_cast<ssize_t>(total) : moved));
    for (ssize_t left = moved; left > 0;) {
      ssize_t n = retried([&] { return readv(read_end, buffers.parts(), buffers.count()); });
      // It holds these bytes, and the buffers have room for them.
      if (n <= 0) return number(info, static_cast<double>(n < 0 ? n : -EIO));
      buffers.advance(static_cast<size_t>(n));
      total += static_cast<size_t>(n);
      left -= n;
    }
  }
  return number(info, static_cast<double>(total));
}

Napi::Value write_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  Napi::Uint8Array buffer = info[1].As<Napi::Uint8Array>();
  int check = check_never_waits(fd);
  if (check < 0) return number(info, check);
  return number(info, static_cast<double>(retried([&] { return write(fd, buffer.Data(), buffer.ByteLength()); })));
}

Napi::Value get_pipe_size_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  return number(info, retried([&] { return fcntl(fd, F_GETPIPE_SZ); }));
}

Napi::Value set_pipe_size_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  int size_bytes = int_arg(info, 1);
  return number(info, retried([&] { return fcntl(fd, F_SETPIPE_SZ, size_bytes); }));
}

Napi::Value bytes_readable_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  int count = 0;
  int result = retried([&] { return ioctl(fd, FIONREAD, &count); });
  return number(info, result < 0 ? result : count);
}

Napi::Value eventfd_call(const Napi::CallbackInfo& info) {
  unsigned initial = info[0].As<Napi::Number>().Uint32Value();
  return number(info, retried([&] { return eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK); }));
}

Napi::Value flock_call(const Napi::CallbackInfo& info) {
  return number(info, retried([&] { return flock(int_arg(info, 0), int_arg(info, 1)); }));
}

// (fd, path, mask)
Napi::Value inotify_add_watch_call(const Napi::CallbackInfo& info) {
  int fd = int_arg(info, 0);
  PathArg path(info, 1);
  uint32_t mask = info[2].As<Napi::Number>().Uint32Value();
  return number(info, retried([&] { return inotify_add_watch(fd, path.c_str(), mask); }));
}

// (fd, wd)
Napi::Value inotify_rm_watch_call(const Napi::CallbackInfo& info) {
  return number(info, retried([&] { return inotify_rm_watch(int_arg(info, 0), int_arg(info, 1)); }));
}
