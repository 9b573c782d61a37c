#include "common/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "common/statx.h"
#include "common/syscalls.h"

namespace {

// The kernel gives at most a page at once, unless one line is longer than that.
constexpr size_t kFirstCapacity = 4096;
constexpr size_t kMaxLine = 1u << 20;

constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE
constexpr uint64_t kIsMountRoot = 0x2000;    // STATX_ATTR_MOUNT_ROOT

// statmount(2), for C libraries without its types: places in the kernel's structure.
struct MountRequest {
  uint32_t size, spare;
  uint64_t mount_id, wanted;
};
constexpr uint64_t kWantRoot = 0x8;
constexpr uint64_t kWantType = 0x20;
constexpr size_t kMaskAt = 8;
constexpr size_t kTypeAt = 36;
constexpr size_t kRootAt = 104;
constexpr size_t kStringsAt = 512;

// A field of the answer is a string's distance from the first one.
void add_string(TextBuilder& out, const char* answer, size_t field) {
  uint32_t distance = 0;
  memcpy(&distance, answer + field, sizeof distance);
  out.add(answer + kStringsAt + distance);
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

void add_unescaped(TextBuilder& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out.add(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.add(text[i]);
    }
  }
}

Mount parse_mount(std::string_view line) {
  Mount mount;
  for (int field = 1; field <= 5; field++) {
    std::string_view word = take_until(&line, ' ');
    if (field == 1) mount.id = word;
    if (field == 4) mount.root = word;
    if (field == 5) mount.mount_point = word;
  }
  while (!line.empty() && take_until(&line, ' ') != "-") continue;
  mount.type = take_until(&line, ' ');
  take_until(&line, ' ');
  mount.options = line;
  return mount;
}

int read_mount_at(const char* path, TextBuilder& root, TextBuilder& type) {
  Statx status;
  int err = read_statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, kUniqueMountId, &status);
  if (err < 0) return err;
  if ((status.mask & kUniqueMountId) == 0) return -ENOSYS;
  if ((status.attributes & kIsMountRoot) == 0) return -EINVAL;
  MountRequest request = {sizeof request, 0, status.mount_id, kWantRoot | kWantType};
  alignas(8) char answer[kStringsAt + 2 * PATH_MAX];
  if (syscall(SYS_statmount, &request, answer, sizeof answer, 0) < 0) return -errno;
  uint64_t given = 0;
  memcpy(&given, answer + kMaskAt, sizeof given);
  if ((given & request.wanted) != request.wanted) return -EINVAL;
  add_string(root, answer, kRootAt);
  add_string(type, answer, kTypeAt);
  return 0;
}

MountReader::~MountReader() { free(data_); }

int MountReader::open(const char* path) {
  fd_.reset(open_fd(AT_FDCWD, path, O_RDONLY));
  begin_ = end_ = 0;
  return fd_.valid() ? 0 : fd_.get();
}

// Reads what comes next behind what is there: 1, 0 at the end of the file, or -errno.
int MountReader::fill() {
  if (begin_ > 0) memmove(data_, data_ + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == capacity_) {
    if (capacity_ > kMaxLine) return -EFBIG;
    size_t capacity = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
    char* grown = static_cast<char*>(realloc(data_, capacity));
    if (grown == nullptr) return -ENOMEM;
    data_ = grown;
    capacity_ = capacity;
  }
  ssize_t n = retried([&] { return read(fd_.get(), data_ + end_, capacity_ - end_); });
  if (n <= 0) return static_cast<int>(n);
  end_ += static_cast<size_t>(n);
  return 1;
}

int MountReader::next(Mount* mount) {
  for (;;) {
    std::string_view rest(data_ == nullptr ? "" : data_ + begin_, end_ - begin_);
    if (rest.find('\n') != std::string_view::npos) {
      *mount = parse_mount(take_until(&rest, '\n'));
      begin_ = end_ - rest.size();
      return 1;
    }
    int filled = fill();
    if (filled <= 0) return filled;
  }
}
