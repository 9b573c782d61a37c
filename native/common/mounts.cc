#include "common/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>

#include "common/files.h"
#include "common/retry.h"

namespace {

// The kernel gives at most a page at once, unless one line is longer than that.
constexpr size_t kFirstCapacity = 4096;
constexpr size_t kMaxLine = 1u << 20;

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
