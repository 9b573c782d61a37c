// How fast input may be typed into a terminal that echoes, so that the kernel drops no echo. It keeps 4 KiB of echo
// that the terminal's output has no room for, and silently drops what is older (n_tty.c, ECHO_DISCARD_WATERMARK). A
// burst of input makes a burst of echo as soon as the process reads, however fast we read the output. So only a part of
// those 4 KiB is typed before the process has read all of it and we have read its echo.
#pragma once

#include <cstddef>
#include <cstdint>

class Typing {
 public:
  // How many bytes may be typed now; SIZE_MAX if the terminal does not echo. `output_taken`: all output that the
  // terminal had when the caller looked is taken from it. If 0, ask again after wait_ms() at the latest.
  size_t allowance(int master_fd, bool output_taken);
  void typed(size_t count) { unread_ += count; }
  // In milliseconds; -1 if nothing is held back.
  int wait_ms() const;

 private:
  // Bytes typed since the process had read everything.
  size_t unread_ = 0;
  // Since when 0 is allowed; -1: it is not.
  int64_t held_since_ms_ = -1;
};
