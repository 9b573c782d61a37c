// What re-attaching needs of many small files, with one call into the addon for each: what a file is, and what is in
// it. A file is identified by a text of device, inode, and unless it is a directory, whose time changes with each name
// in it, of its modification time. Numbers would be inexact, and node:fs makes eighteen objects of its stat.
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "addon/calls.h"
#include "addon/file_status.h"
#include "addon/owned.h"
#include "common/unique_fd.h"

namespace {

// The places in the Float64Array that takes the numbers.
enum Place : size_t { kMode, kUid, kSize, kFd };

// The text that identifies the file. Puts the numbers into `out`.
Napi::String identity(const Napi::CallbackInfo& info, const FileStatus& status, Napi::Float64Array out) {
  out.Data()[kMode] = status.mode;
  out.Data()[kUid] = status.uid;
  out.Data()[kSize] = static_cast<double>(status.size);
  char text[3 * 21];
  int size = snprintf(text, sizeof text, "%" PRIu64 ":%" PRIu64, status.device, status.inode);
  if (!S_ISDIR(status.mode)) size += snprintf(text + size, sizeof text - size, ":%" PRId64, status.modified_ns);
  return Napi::String::New(info.Env(), text, static_cast<size_t>(size));
}

Napi::Value answer(const Napi::CallbackInfo& info, int result, const FileStatus& status, Napi::Float64Array out) {
  if (result < 0) return number(info, result);
  return identity(info, status, out);
}

class HeapBytes {
 public:
  explicit HeapBytes(size_t size) : data_(size == 0 ? nullptr : static_cast<char*>(malloc(size))) {}
  HeapBytes(const HeapBytes&) = delete;
  HeapBytes& operator=(const HeapBytes&) = delete;
  ~HeapBytes() { free(data_); }
  char* data() { return data_; }

 private:
  char* data_;
};

// At most `size` bytes from the start of the file, to its end.
ssize_t read_whole(int fd, char* into, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t n = retried([&] { return read(fd, into + done, size - done); });
    if (n < 0) return n;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

// (path, out), as lstat(2): the identity, and the numbers in `out`; or -errno
Napi::Value look_at_call(const Napi::CallbackInfo& info) {
  FileStatus status;
  int result = status_at(PathArg(info, 0).c_str(), &status);
  return answer(info, result, status, info[1].As<Napi::Float64Array>());
}

// (fd, out), as fstat(2)
Napi::Value look_at_open_call(const Napi::CallbackInfo& info) {
  FileStatus status;
  int result = status_of(int_arg(info, 0), &status);
  return answer(info, result, status, info[1].As<Napi::Float64Array>());
}

// (path, most bytes, whether to read these of a larger file, out): an array of the identity and the text of a regular
// file, which stays open and is owned; of another or a larger file only the identity. Else -errno, and in `out` the
// number of the call that failed: open, fstat, read.
Napi::Value open_and_read_call(const Napi::CallbackInfo& info) {
  Napi::Float64Array out = info[3].As<Napi::Float64Array>();
  auto failed = [&](int call, ssize_t error) {
    out.Data()[0] = call;
    return number(info, static_cast<double>(error));
  };
  PathArg path(info, 0);
  int opened = retried([&] { return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC); });
  if (opened < 0) return failed(0, opened);
  UniqueFd fd(opened);
  FileStatus status;
  int result = status_of(opened, &status);
  if (result < 0) return failed(1, result);
  uint64_t limit = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
  bool is_readable = S_ISREG(status.mode) && (status.size <= limit || info[2].As<Napi::Boolean>().Value());
  Napi::Array both = Napi::Array::New(info.Env(), is_readable ? 2 : 1);
  both.Set(0u, identity(info, status, out));
  if (!is_readable) return both;
  size_t size = static_cast<size_t>(std::min(status.size, limit));
  char small[4096];
  HeapBytes large(size > sizeof small ? size : 0);
  char* bytes = size > sizeof small ? large.data() : small;
  if (bytes == nullptr) return failed(2, -ENOMEM);
  ssize_t count = read_whole(opened, bytes, size);
  if (count < 0) return failed(2, count);
  OwnedDescriptors* owned = owned_descriptors(info.Env());
  if (owned == nullptr || !owned->take(info.Env(), opened)) return failed(0, -ENOMEM);
  out.Data()[kFd] = fd.release();
  both.Set(1u, Napi::String::New(info.Env(), bytes, static_cast<size_t>(count)));
  return both;
}
