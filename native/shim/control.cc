#include "shim/control.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

bool parse_control_line(std::string_view line, ControlCommand* out) {
  int64_t numbers[3];
  const char* at = line.data();
  const char* end = at + line.size();
  for (int i = 0; i < 3; i++) {
    const char* start = at;
    while (at < end && *at != ' ') at++;
    if (!parse_int({start, static_cast<size_t>(at - start)}, &numbers[i])) return false;
    if (i == 2) break;
    if (at == end) return false;
    at++;
  }
  if (at != end || numbers[0] < 0 || numbers[0] > 2) return false;
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
  ssize_t n;
  do n = read(fd, buffer_ + size_, sizeof buffer_ - size_);
  while (n < 0 && errno == EINTR);
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
