// One segment of an output log: the files <position>.idx, with records, and <position>.raw, with the bytes. Their
// format is in docs/protocol.md, "The log of a process's output". When a segment begins or goes is output_log's
// concern.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "common/text.h"
#include "common/unique_fd.h"

enum class LogKind : uint8_t { None = 0, Stdout = 1, Stderr = 2, Resize = 3, End = 4 };

struct LogRecord {
  uint64_t position;  // bytes of all streams before it
  int64_t time_us;    // since 1970
  LogKind kind;
  uint32_t value;  // Resize: columns | rows << 16; End: the exit status; else 0
};

constexpr uint64_t kLogRecordSize = 32;

// Bytes of output: in memory; or if `data` is nullptr the next ones of a pipe, which has at least so many.
struct LogBytes {
  const char* data;
  int pipe_fd;
  size_t size;
};

// The name of a segment's file: the position of its first byte in 20 digits, and ".idx" or ".raw".
class LogName : public Text<32> {
 public:
  LogName(uint64_t start, std::string_view suffix);
};

class LogSegment {
 public:
  // Makes both files, the index with its first record, whose position is the segment's: 0 or -errno, and then no file
  // is left. -EEXIST if the name is taken.
  int make(int dir_fd, const LogRecord& first);
  bool is_open() const { return raw_fd_.valid(); }
  void close();

  // Adds a record: 0 or -errno, and then the index ends where it did before.
  int add(const LogRecord& record);
  // Appends bytes: how many, or -errno. Only those are taken from a pipe.
  ssize_t append(const LogBytes& bytes);

  // These two stay as they are when it is closed.
  // True if it has records only.
  bool is_empty() const { return raw_size_ == 0; }
  // Of both files, in bytes.
  uint64_t size() const { return idx_size_ + raw_size_; }

 private:
  UniqueFd idx_fd_;
  UniqueFd raw_fd_;
  uint64_t idx_size_ = 0;
  uint64_t raw_size_ = 0;
};
