#include "shim/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

namespace {

constexpr size_t kInputCapacity = 4096;
// How much a busy terminal's output is gathered to. Node.js needs a third less processor time for it than for pieces of
// 64 KiB; larger ones leave the processor's cache.
constexpr size_t kOutputCapacity = 128 << 10;
// A log gets what the terminal has, so that its times are right.
constexpr size_t kLogCapacity = 64 << 10;
constexpr int kRetryMs = 500;
constexpr int kTrimMs = 200;
constexpr unsigned short kDefaultColumns = 80;
constexpr unsigned short kDefaultRows = 24;

// /dev/null stands for "no stdin": it is not copied, since every read of it is end-of-file.
bool is_null_device(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

}  // namespace

int Terminal::open(const char* dir, Stdio* stdio) {
  stdio_ = stdio;
  // Before the process runs: a lack of memory then fails the start, and the process does not wait for a reader.
  int err = output_.allocate(stdio->log.is_open() ? kLogCapacity : kOutputCapacity);
  if (err == 0) err = input_.allocate(kInputCapacity);
  return err < 0 ? err : console_.listen_in(dir);
}

int Terminal::receive() {
  int fd = console_.receive();
  if (fd < 0) return fd;
  master_.reset(fd);
  fill_size();
  apply_size();
  log_size();
  if (stdio_->log.is_open()) {
    output_.open(master_.get(), &stdio_->log);
  } else {
    output_.open(master_.get(), stdio_->end[1].get(), false);
  }
  if (!is_null_device(stdio_->end[0].get())) input_.open(stdio_->end[0].get(), master_.get(), true);
  finish_stdin();
  return 0;
}

void Terminal::resize(unsigned short width, unsigned short height) {
  if (width == 0 || height == 0) return;
  width_ = width;
  height_ = height;
  // What was printed before is logged before.
  if (has_master() && stdio_->log.is_open()) output_.run();
  apply_size();
  log_size();
}

void Terminal::log_size() {
  struct winsize size;
  if (!has_master() || !stdio_->log.is_open() || ioctl(master_.get(), TIOCGWINSZ, &size) < 0) return;
  stdio_->log.resize(size.ws_col, size.ws_row);
}

// What neither the spec's consoleSize nor a control line has set.
void Terminal::fill_size() {
  struct winsize size;
  if (ioctl(master_.get(), TIOCGWINSZ, &size) < 0 || (size.ws_col > 0 && size.ws_row > 0)) return;
  if (size.ws_col == 0) size.ws_col = kDefaultColumns;
  if (size.ws_row == 0) size.ws_row = kDefaultRows;
  (void)ioctl(master_.get(), TIOCSWINSZ, &size);
}

// The foreground process group gets SIGWINCH from the kernel, but only if the structure differs from the one before. A
// new viewer that has the old one's size needs it too, for a redraw. So then the width in pixels changes between 0 and
// 1; with a height of 0 both mean "unknown". To signal the group by its number instead could reach another group.
void Terminal::apply_size() {
  if (!master_.valid() || width_ == 0) return;
  struct winsize old = {};
  (void)ioctl(master_.get(), TIOCGWINSZ, &old);
  struct winsize size = {};
  size.ws_col = width_;
  size.ws_row = height_;
  bool is_same = old.ws_col == width_ && old.ws_row == height_;
  if (is_same && old.ws_xpixel == 0) size.ws_xpixel = 1;
  (void)ioctl(master_.get(), TIOCSWINSZ, &size);
}

void Terminal::close_stdin() {
  stdin_closing_ = true;
  stdio_->hold[0].reset();
  finish_stdin();
}

bool Terminal::wants_to_type_eof() const {
  return stdin_closing_ && (!input_.is_open() || (input_.source_ended() && input_.empty()));
}

// Types the end-of-file character, once, after stdin was closed and all its input was typed. If the last line has no
// line end, the first such character only ends that line, and a second one is needed (termios(3), ICANON).
void Terminal::finish_stdin() {
  if (!master_.valid() || hung_up_ || !wants_to_type_eof()) return;
  struct termios mode;
  // tcgetattr() of the master returns the slave's mode. Outside canonical mode the byte would be plain input.
  bool canonical = tcgetattr(master_.get(), &mode) == 0 && (mode.c_lflag & ICANON) != 0;
  char eof = canonical ? static_cast<char>(mode.c_cc[VEOF]) : _POSIX_VDISABLE;
  if (eof == _POSIX_VDISABLE) {
    stdin_closing_ = false;
    return;
  }
  char last = input_.last_written();
  bool line_ended = last == '\n' || last == eof || (last == '\r' && (mode.c_iflag & ICRNL) != 0);
  for (int typed = eofs_typed_; typed < (line_ended ? 1 : 2); eofs_typed_ = ++typed) {
    if (write(master_.get(), &eof, 1) == 1) continue;
    return;  // full or hung up: serve() tries again when that changes
  }
  stdin_closing_ = false;
}

// A pty that no process has open is always ready, and each write makes it ready again. So no input is copied until a
// process has it open again. Only a read can tell, and there is none while output is blocked.
void Terminal::serve(const EventLoop& loop) {
  if (!has_master()) return;
  bool master_ready = loop.ready(Source::Master);
  bool was_hung_up = hung_up_;
  if (loop.hung_up(Source::Master)) hung_up_ = true;
  if (master_ready || hung_up_ || loop.ready(Source::Stdout) || output_.sink_full()) {
    output_.run();
  } else {
    output_.trim();
  }
  if (output_.empty()) hung_up_ = output_.source_hung_up();
  if (hung_up_) return;
  // Read only what the loop reported, so that no input overtakes a control line that was written before it.
  bool typed = loop.ready(Source::Stdin);
  if (input_.is_open() && (typed || master_ready || was_hung_up || typing_.wait_ms() >= 0)) type(typed);
  finish_stdin();
}

void Terminal::type(bool may_read) {
  if (!input_.load(may_read)) return;
  // Take what was echoed before more is typed.
  output_.run();
  size_t allowed = typing_.allowance(master_.get(), output_.empty());
  if (allowed == SIZE_MAX) {
    input_.run(may_read);
  } else {
    typing_.typed(input_.flush(allowed));
  }
}

int Terminal::retry_ms(bool process_ended) const {
  if (output_.sink_full()) return kRetryMs;
  if (hung_up_) return process_ended ? -1 : kRetryMs;
  int wait_ms = typing_.wait_ms();
  return wait_ms < 0 && output_.wants_trim() ? kTrimMs : wait_ms;
}

int Terminal::want_events(EventLoop& loop) {
  if (!has_master()) {
    return console_.fd() < 0 ? 0 : loop.want(Source::Console, console_.fd(), EPOLLIN);
  }
  loop.forget(Source::Console);
  uint32_t master = 0;
  if (output_.wants_source()) master |= hung_up_ ? EPOLLIN | EPOLLET : EPOLLIN;
  if (!hung_up_ && ((input_.wants_sink() && typing_.wait_ms() < 0) || wants_to_type_eof())) master |= EPOLLOUT;
  int err = loop.want(Source::Master, master_.get(), master);
  if (err == 0) {
    bool blocked = output_.wants_sink() && !output_.sink_full();
    err = loop.want(Source::Stdout, stdio_->end[1].get(), blocked ? uint32_t{EPOLLOUT} : 0);
  }
  bool wants_input = !hung_up_ && input_.wants_source();
  if (err == 0) err = loop.want(Source::Stdin, stdio_->end[0].get(), wants_input ? uint32_t{EPOLLIN} : 0);
  return err;
}

bool Terminal::drain() {
  if (!has_master()) return true;
  output_.run();
  return output_.empty() && output_.source_idle();
}

void Terminal::close(EventLoop& loop) {
  loop.forget(Source::Console);
  loop.forget(Source::Master);
  loop.forget(Source::Stdout);
  loop.forget(Source::Stdin);
  console_.close();
  master_.reset();
  stdio_->end[0].reset();
  stdio_->end[1].reset();
}
