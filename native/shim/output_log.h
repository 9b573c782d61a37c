// The log of a process's output: takes bytes, and keeps the newest of them in a directory, with stream and time, within
// a limit. It never fails: bytes that cannot be written are dropped, and their positions stay free. The format and the
// order of writes are in docs/protocol.md, "The log of a process's output".
#pragma once

#include <cstdint>
#include <string_view>

#include "common/unique_fd.h"
#include "shim/config.h"
#include "shim/log_directory.h"
#include "shim/log_segment.h"

class OutputLog {
 public:
  // Opens the directory and its FIFO `writer`: 0 or -errno. What is there already is kept.
  int open(const LogConfig& config);
  bool is_open() const { return writer_fd_.valid(); }

  // `stream` is Stdout or Stderr; the bytes were read just now.
  void write(LogKind stream, std::string_view bytes);
  // The same for the next bytes of a pipe, by splice(2): how many it took. What remains is to be read, and to be given
  // to write(): it tries again, and makes room or drops what cannot be written.
  size_t write_from(LogKind stream, int pipe_fd, size_t size);
  // The terminal has another size.
  void resize(unsigned short columns, unsigned short rows);
  // The process has ended with this status, 0 to 255.
  void end(int status);
  // Waits until it is on the disk: 0 or -errno.
  int flush() { return directory_.flush(); }

 private:
  template <typename Attempt>
  ssize_t with_room(Attempt attempt);
  int reserve(uint64_t bytes);
  int begin_segment(const LogRecord& first);
  int add_record(const LogRecord& record);
  ssize_t append(LogKind stream, int64_t now_us, const LogBytes& bytes);
  ssize_t try_append(LogKind stream, int64_t now_us, LogBytes bytes);
  void add_pending_resize(int64_t now_us);
  void drop(uint64_t bytes);

  LogDirectory directory_;
  UniqueFd writer_fd_;
  LogSegment segment_;
  uint64_t last_start_ = 0;  // of the newest segment, which is never removed
  uint64_t max_bytes_ = 0;
  uint64_t segment_bytes_ = 0;
  uint64_t position_ = 0;
  // The last record of a stream in this segment.
  LogKind stream_ = LogKind::None;
  int64_t time_us_ = 0;
  uint32_t size_ = 0;  // of the terminal, as a record has it
  bool resize_pending_ = false;
  LogRecord end_ = {0, 0, LogKind::None, 0};  // once the process has ended
  int64_t retry_at_ms_ = 0;
};
