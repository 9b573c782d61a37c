#include "shim/output_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "common/clock.h"
#include "common/files.h"

namespace {

// Bytes of one stream that are read within this time after its last record need none of their own.
constexpr int64_t kRecordIntervalUs = 1000;
// How long bytes are dropped before a disk that took none is tried again: a fast writer must not make the shim try with
// each read.
constexpr int64_t kRetryMs = 100;

bool is_no_space(ssize_t err) { return err == -ENOSPC || err == -EDQUOT; }

}  // namespace

int OutputLog::open(const LogConfig& config) {
  max_bytes_ = config.max_bytes;
  segment_bytes_ = config.segment_bytes;
  int err = directory_.open(config.dir);
  if (err < 0) return err;
  position_ = last_start_ = directory_.next_position();
  // O_RDWR: open(2) does not wait for a reader. Its hang-up tells readers that the shim is gone.
  UniqueFd writer(open_fd(directory_.fd(), "writer", O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!writer.valid()) return writer.get();
  struct stat st;
  if (fstat(writer.get(), &st) < 0) return -errno;
  if (!S_ISFIFO(st.st_mode)) return -EINVAL;
  writer_fd_ = std::move(writer);
  return 0;
}

// Repeats the attempt as long as there is no space, and an old segment to give up for it.
template <typename Attempt>
ssize_t OutputLog::with_room(Attempt attempt) {
  for (;;) {
    ssize_t result = attempt();
    if (!is_no_space(result) || directory_.remove_oldest(last_start_) < 0) return result;
  }
}

// Makes room within max_bytes. The last segment and a new one always fit, so there is something to remove.
int OutputLog::reserve(uint64_t bytes) {
  while (directory_.total_size() + bytes > max_bytes_) {
    int err = directory_.remove_oldest(last_start_);
    if (err < 0) return err;
  }
  return 0;
}

int OutputLog::begin_segment(const LogRecord& first) {
  int err = reserve(kLogRecordSize);
  if (err < 0) return err;
  // After the end, each segment begins with the end record: the one that had it may be removed.
  bool repeats_end = end_.kind == LogKind::End;
  LogRecord begin = repeats_end ? LogRecord{first.position, end_.time_us, end_.kind, end_.value} : first;
  LogSegment next;
  if ((err = next.make(directory_.fd(), begin)) < 0) return err;
  segment_ = std::move(next);
  last_start_ = first.position;
  directory_.added(kLogRecordSize);
  stream_ = LogKind::None;
  return repeats_end ? add_record(first) : 0;
}

int OutputLog::add_record(const LogRecord& record) {
  if (!segment_.is_open() || segment_.size() + kLogRecordSize > segment_bytes_) return begin_segment(record);
  int err = reserve(kLogRecordSize);
  if (err == 0) err = segment_.add(record);
  if (err == 0) directory_.added(kLogRecordSize);
  return err;
}

void OutputLog::write(LogKind stream, std::string_view bytes) {
  if (retry_at_ms_ != 0) {
    if (monotonic_ms() < retry_at_ms_) {
      position_ += bytes.size();
      return;
    }
    retry_at_ms_ = 0;
  }
  int64_t now_us = realtime_us();
  if (resize_pending_) add_pending_resize(now_us);
  while (!bytes.empty()) {
    ssize_t n = with_room([&] { return append(stream, now_us, {bytes.data(), -1, bytes.size()}); });
    if (n < 0) return drop(bytes.size());
    position_ += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

size_t OutputLog::write_from(LogKind stream, int pipe_fd, size_t size) {
  if (retry_at_ms_ != 0 || resize_pending_) return 0;
  int64_t now_us = realtime_us();
  size_t taken = 0;
  while (taken < size) {
    ssize_t n = append(stream, now_us, {nullptr, pipe_fd, size - taken});
    if (n < 0) break;
    position_ += static_cast<uint64_t>(n);
    taken += static_cast<size_t>(n);
  }
  return taken;
}

// Writes as much as the segment takes: how many bytes, or -errno. 0: the next call begins a new segment.
ssize_t OutputLog::append(LogKind stream, int64_t now_us, const LogBytes& bytes) {
  ssize_t n = try_append(stream, now_us, bytes);
  if (n != -EFBIG || segment_.is_empty()) return n;
  // The limit of a file's size (RLIMIT_FSIZE) is below segment_bytes. SIGXFSZ is blocked, as all signals are.
  segment_.close();
  return 0;
}

ssize_t OutputLog::try_append(LogKind stream, int64_t now_us, LogBytes bytes) {
  int64_t age_us = now_us - time_us_;
  bool is_recorded = segment_.is_open() && stream == stream_ && age_us >= 0 && age_us < kRecordIntervalUs;
  uint64_t needed = segment_.size() + (is_recorded ? 0 : kLogRecordSize) + 1;
  if (!segment_.is_open() || needed > segment_bytes_) {
    // The new segment has room for the record and a byte.
    segment_.close();
    is_recorded = false;
  }
  if (!is_recorded) {
    int err = add_record({position_, now_us, stream, 0});
    if (err < 0) return err;
    stream_ = stream;
    time_us_ = now_us;
  }
  bytes.size = std::min<uint64_t>(bytes.size, segment_bytes_ - segment_.size());
  int err = reserve(bytes.size);
  if (err < 0) return err;
  ssize_t n = segment_.append(bytes);
  if (n > 0) directory_.added(static_cast<uint64_t>(n));
  return n;
}

// A gap is what lies between the end of one segment and the name of the next: so the next bytes begin a new one.
void OutputLog::drop(uint64_t bytes) {
  position_ += bytes;
  segment_.close();
  retry_at_ms_ = monotonic_ms() + kRetryMs;
}

void OutputLog::resize(unsigned short columns, unsigned short rows) {
  uint32_t size = columns | static_cast<uint32_t>(rows) << 16;
  if (size == size_) return;
  size_ = size;
  resize_pending_ = true;
  if (retry_at_ms_ == 0) add_pending_resize(realtime_us());
}

// It stays pending if it cannot be written now. A segment without bytes cannot be followed by another, which would have
// its name: so resizes take no more than half of it.
void OutputLog::add_pending_resize(int64_t now_us) {
  if (segment_.is_open() && segment_.is_empty() && segment_.size() > segment_bytes_ / 2) return;
  LogRecord record = {position_, now_us, LogKind::Resize, size_};
  resize_pending_ = with_room([&] { return add_record(record); }) < 0;
}

void OutputLog::end(int status) {
  if (resize_pending_) add_pending_resize(realtime_us());
  LogRecord record = {position_, realtime_us(), LogKind::End, static_cast<uint32_t>(status)};
  // Ignore a failure: the next segment has the record too, and readers see the end of the shim by `writer`.
  (void)with_room([&] { return add_record(record); });
  end_ = record;
  stream_ = LogKind::None;
}
