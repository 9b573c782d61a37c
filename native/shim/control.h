// The control FIFO's lines, "<type> <a> <b>\n", in any pieces. Wire format: the seed's CloseStdin and Resize.
#pragma once

#include <cstddef>
#include <string_view>

struct ControlCommand {
  enum class Type { CloseStdin = 0, Resize = 1, Release = 2 };
  Type type;
  unsigned short width;
  unsigned short height;
};

// One line without its newline; false when it is none of the commands.
bool parse_control_line(std::string_view line, ControlCommand* out);

// Splits what arrives into lines. A line longer than any command is dropped whole.
class ControlReader {
 public:
  // Reads once from the non-blocking FIFO. False when nothing was there.
  bool fill(int fd);
  // The next whole command of what was read; lines that are none are passed over.
  bool next(ControlCommand* out);

 private:
  char buffer_[512];
  size_t size_ = 0;
  size_t at_ = 0;
  bool skipping_ = false;
};
