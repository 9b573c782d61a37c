// Copies bytes from one non-blocking descriptor to another with back-pressure: while the sink takes nothing, the source
// is not read, so the writer behind it blocks and no byte is dropped. Used for terminals only.
#pragma once

#include <cstddef>

class Pump {
 public:
  Pump() = default;
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump();

  // Borrows both descriptors. A pty as the sink answers EIO while nobody has its other side open: that is waited out,
  // where any other sink's EIO gives it up. 0 or -errno.
  int open(int source_fd, int sink_fd, size_t capacity, bool sink_is_pty);
  bool is_open() const { return buffer_ != nullptr; }

  // Moves bytes until a side would block, or a fair share is done; without `may_read` only what was read before.
  void run(bool may_read = true);

  // The last read found nothing to read (and the source may have more later, or not).
  bool source_idle() const { return source_idle_; }
  bool source_ended() const { return source_ended_; }
  // EIO: no process has the pty's other side open now. One may open it again.
  bool source_hung_up() const { return source_hung_up_; }
  bool empty() const { return size_ == 0; }
  // The last byte that went to the sink; a line feed before the first.
  char last_written() const { return last_written_; }
  bool wants_source() const { return is_open() && !source_ended_ && size_ == 0; }
  bool wants_sink() const { return size_ > 0; }
  // The sink is full for good until space is made (ENOSPC, EDQUOT): try again by time.
  bool sink_full() const { return sink_full_; }
  // The errno for which the sink was given up, else 0; from then on bytes are read and discarded.
  int sink_error() const { return sink_error_; }

 private:
  bool fill();
  bool flush();

  int source_fd_ = -1;
  int sink_fd_ = -1;
  char* buffer_ = nullptr;
  size_t capacity_ = 0;
  size_t start_ = 0;
  size_t size_ = 0;
  bool sink_is_pty_ = false;
  int sink_error_ = 0;
  bool source_idle_ = false;
  bool source_ended_ = false;
  bool source_hung_up_ = false;
  bool sink_full_ = false;
  char last_written_ = '\n';
};
