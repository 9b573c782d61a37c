// The directory of an output log: how large all its segments are together, and removing the oldest. Knows names and
// sizes, not what is in the files. Other names in the directory are left alone.
#pragma once

#include <cstdint>

#include "common/unique_fd.h"

class LogDirectory {
 public:
  // Opens it, and looks for segments that another shim left. 0 or -errno.
  int open(const char* path);
  int fd() const { return fd_.get(); }
  // Where a new log goes on: behind all that is there; 0 if there is nothing.
  uint64_t next_position() const { return next_position_; }

  // Of all segments, in bytes: as counted by added(), and counted anew from time to time.
  uint64_t total_size() const { return total_size_; }
  void added(uint64_t bytes) { total_size_ += bytes; }

  // Removes the oldest segment: 0; -ENOENT if there is none but `last`, the position of the newest; or another -errno.
  int remove_oldest(uint64_t last);

  // Waits until all segments and their names are on the disk: fsync(2). 0 or -errno.
  int flush();

 private:
  int scan();
  int remove(uint64_t start);

  static constexpr int kBatch = 16;

  UniqueFd fd_;
  uint64_t total_size_ = 0;
  uint64_t next_position_ = 0;
  // The oldest segments, in order, as the last scan found them. New ones are always younger.
  uint64_t oldest_[kBatch];
  int oldest_count_ = 0;
  int oldest_at_ = 0;
};
