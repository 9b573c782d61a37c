// The process's terminal: takes the pty master from the runtime, copies stdin → master → stdout, sets its size, and
// passes on that stdin was closed.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/console.h"
#include "shim/event_loop.h"
#include "shim/pump.h"
#include "shim/stdio.h"
#include "shim/typing.h"

class Terminal {
 public:
  // Maps the buffers, and listens for the master on a socket in `dir`: 0 or -errno. `stdio`: what the terminal is
  // copied from and to.
  int open(const char* dir, Stdio* stdio);
  const char* console_path() const { return console_.path(); }

  // Takes the master if it has arrived: 0; -EAGAIN if it has not; or another -errno.
  int receive();
  bool has_master() const { return master_.valid(); }

  // In columns and rows; remembered until there is a terminal. The foreground process group gets SIGWINCH.
  void resize(unsigned short width, unsigned short height);
  // We write no more input. Once every other writer has closed stdin too, the terminal gets its end-of-file character,
  // if it is in canonical mode.
  void close_stdin();

  // Copies what the loop found ready.
  void serve(const EventLoop& loop);
  // Tells the loop what to wait for next: 0 or -errno.
  int want_events(EventLoop& loop);
  // After how many milliseconds serve() must be called again, since no event tells: the disk under stdout is full; no
  // process has the terminal open, and one may open it only to read; input is held back; the output is idle, so that
  // memory can be given back. -1: not at all.
  int retry_ms(bool process_ended) const;
  // Copies what is there. True once all output of the terminal so far has reached stdout.
  bool drain();
  // Hangs up: closes the master and our end of stdout, so that its reader sees end-of-file.
  void close(EventLoop& loop);

 private:
  void fill_size();
  void apply_size();
  void log_size();
  void type(bool may_read);
  bool wants_to_type_eof() const;
  void finish_stdin();

  ConsoleSocket console_;
  Stdio* stdio_ = nullptr;
  UniqueFd master_;
  Pump input_;
  Pump output_;
  Typing typing_;
  bool stdin_closing_ = false;
  int eofs_typed_ = 0;
  bool hung_up_ = false;
  unsigned short width_ = 0;
  unsigned short height_ = 0;
};
