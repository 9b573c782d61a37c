// Copies bytes from one non-blocking descriptor to another with back-pressure: if the sink takes nothing, the source is
// not read, so its writer blocks and no byte is lost. Used only for terminals.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shim/output_log.h"

class Pump {
 public:
  Pump() = default;
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump();

  // Maps the buffer: 0 or -errno. Its pages cost nothing until they are used.
  int allocate(size_t capacity);
  // After allocate(). Borrows both descriptors. While no process has a pty open, a write to its master fails with EIO;
  // so for a pty as the sink, EIO means "try later". For any other sink it means that the sink is given up.
  void open(int source_fd, int sink_fd, bool sink_is_pty);
  // The same to a log, which takes all at once.
  void open(int source_fd, OutputLog* log);
  bool is_open() const { return source_fd_ >= 0; }

  // Moves bytes until one side would block, or for a limited number of rounds. Without `may_read` it only writes what
  // was read before.
  void run(bool may_read = true);
  // The two halves of it. Reads if nothing is left to be written, and may_read: whether there is something to write.
  bool load(bool may_read);
  // Writes at most `limit` bytes, fewer if the sink takes no more for now: how many.
  size_t flush(size_t limit);

  // The last read found nothing. More may come later.
  bool source_idle() const { return source_idle_; }
  bool source_ended() const { return source_ended_; }
  // The read failed with EIO: no process has the pty open now. One may open it again.
  bool source_hung_up() const { return source_hung_up_; }
  bool empty() const { return size_ == 0; }
  // The last byte written to the sink; a line feed before the first.
  char last_written() const { return last_written_; }
  bool wants_source() const { return is_open() && !source_ended_ && size_ == 0; }
  bool wants_sink() const { return size_ > 0; }
  // The disk under the sink is full (ENOSPC, EDQUOT). No event tells when that changes: try again after a while.
  bool sink_full() const { return sink_full_; }
  // The errno for which the sink was given up, or 0. From then on, bytes are read and discarded.
  int sink_error() const { return sink_error_; }

  // Gives the buffer's memory back, after a time in which nothing was read. To a FIFO not for a page: a key that is
  // typed and its echo must not cost a wake-up more.
  void trim();
  bool wants_trim() const { return size_ == 0 && used_ > (log_ != nullptr ? 0 : 4096); }

 private:
  bool fill();
  bool has_more_soon(int64_t deadline_ms);

  int source_fd_ = -1;
  int sink_fd_ = -1;
  OutputLog* log_ = nullptr;  // in place of it
  char* buffer_ = nullptr;
  size_t capacity_ = 0;
  size_t start_ = 0;
  size_t size_ = 0;
  size_t burst_ = 0;  // bytes read since the last pause
  int64_t last_read_ms_ = 0;
  bool sink_is_pty_ = false;
  int sink_error_ = 0;
  bool source_idle_ = false;
  bool source_ended_ = false;
  bool source_hung_up_ = false;
  bool sink_full_ = false;
  size_t used_ = 0;  // how much of the buffer has memory
  char last_written_ = '\n';
};
