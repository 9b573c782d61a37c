// The lines of the control FIFO, "<type> <a> <b>\n", read in pieces of any size. Wire format: containerd's `process.go`
// (June 2016), CloseStdin and Resize; Release is ours.
#pragma once

#include <cstddef>
#include <string_view>

struct ControlCommand {
  enum class Type { CloseStdin = 0, Resize = 1, Release = 2 };
  Type type;
  unsigned short width;
  unsigned short height;
};

// Parses one line without its newline. False if it is no command.
bool parse_control_line(std::string_view line, ControlCommand* out);

// Splits what arrives into lines. Drops a line that is longer than any command.
class ControlReader {
 public:
  // Reads once from the non-blocking FIFO. False if it is empty.
  bool fill(int fd);
  // The next complete command of what was read. Skips lines that are no command.
  bool next(ControlCommand* out);

 private:
  char buffer_[512];
  size_t size_ = 0;
  size_t at_ = 0;
  bool skipping_ = false;
};
