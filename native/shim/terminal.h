// The process's terminal: takes the pty master from the runtime, copies stdin → master → stdout, sets its size, and
// passes on that stdin was closed.
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"
#include "shim/console.h"
#include "shim/event_loop.h"
#include "shim/pump.h"
#include "shim/stdio.h"

class Terminal {
 public:
  // Listens for the master on a socket in `dir`, for the process whose ends are `stdio`. 0 or -errno.
  int open(const char* dir, Stdio* stdio);
  const char* console_path() const { return console_.path(); }

  // Takes the master if it has come. 0, -EAGAIN while it has not, or another -errno.
  int receive();
  bool has_master() const { return master_.valid(); }

  // Columns and rows; remembered until there is a terminal.
  void resize(unsigned short width, unsigned short height);
  // No more input from us. When the last other writer is gone too, a reader of a canonical-mode terminal gets its
  // end-of-file character.
  void close_stdin();

  // Copies what the loop found ready; then says what to wait for next (0 or -errno).
  void serve(const EventLoop& loop);
  int want_events(EventLoop& loop);
  // A full disk under stdout is tried again by time.
  bool output_full() const { return output_.sink_full(); }
  // No process has the terminal open: no event tells when one has again and only reads, so that is looked for by time.
  bool hung_up() const { return hung_up_; }
  // Copies what is there; true when all that the terminal printed so far has reached stdout.
  bool drain();
  // Hangs up: closes the master and our end of stdout, so that its reader sees end-of-file.
  void close(EventLoop& loop);

 private:
  void apply_size();
  bool wants_to_type_eof() const;
  void finish_stdin();

  ConsoleSocket console_;
  Stdio* stdio_ = nullptr;
  UniqueFd master_;
  Pump input_;
  Pump output_;
  bool stdin_closing_ = false;
  int eofs_typed_ = 0;
  bool hung_up_ = false;
  unsigned short width_ = 0;
  unsigned short height_ = 0;
};
