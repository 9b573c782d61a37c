#include "shim/control.h"

#include <string.h>
#include <unistd.h>

#include "common/retry.h"
#include "common/text.h"

bool parse_control_line(std::string_view line, ControlCommand* out) {
  int64_t numbers[3];
  for (int i = 0; i < 3; i++) {
    // A space after the third number is refused too.
    std::string_view word = i == 2 ? line : take_until(&line, ' ');
    if (!parse_int(word, &numbers[i])) return false;
  }
  if (numbers[0] < 0 || numbers[0] > 2) return false;
  // struct winsize holds unsigned shorts.
  if (numbers[1] < 0 || numbers[1] > 0xffff || numbers[2] < 0 || numbers[2] > 0xffff) return false;
  out->type = static_cast<ControlCommand::Type>(numbers[0]);
  out->width = static_cast<unsigned short>(numbers[1]);
  out->height = static_cast<unsigned short>(numbers[2]);
  return true;
}

bool ControlReader::fill(int fd) {
  memmove(buffer_, buffer_ + at_, size_ - at_);
  size_ -= at_;
  at_ = 0;
  if (size_ == sizeof buffer_) {
    size_ = 0;
    skipping_ = true;
  }
  ssize_t n = retried([&] { return read(fd, buffer_ + size_, sizeof buffer_ - size_); });
  if (n <= 0) return false;
  size_ += static_cast<size_t>(n);
  return true;
}

bool ControlReader::next(ControlCommand* out) {
  while (at_ < size_) {
    const char* line = buffer_ + at_;
    const void* newline = memchr(line, '\n', size_ - at_);
    if (newline == nullptr) return false;
    size_t length = static_cast<size_t>(static_cast<const char*>(newline) - line);
    at_ += length + 1;
    bool skip = skipping_;
    skipping_ = false;
    if (!skip && parse_control_line({line, length}, out)) return true;
  }
  return false;
}
