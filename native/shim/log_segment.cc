#include "shim/log_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/crc32c.h"
#include "common/files.h"
#include "common/retry.h"

LogName::LogName(uint64_t start, std::string_view suffix) {
  char digits[20];
  for (int i = 19; i >= 0; i--, start /= 10) digits[i] = static_cast<char>('0' + start % 10);
  add(std::string_view(digits, sizeof digits)).add(suffix);
}

namespace {

// The mode is exact, whatever the umask.
int make_file(int dir_fd, const char* name, UniqueFd* out) {
  UniqueFd fd(open_fd(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fd.get();
  if (fchmod(fd.get(), 0600) < 0) {
    int err = -errno;
    unlinkat(dir_fd, name, 0);
    return err;
  }
  *out = std::move(fd);
  return 0;
}

void put(unsigned char* at, uint64_t value, int size) {
  for (int i = 0; i < size; i++, value >>= 8) at[i] = static_cast<unsigned char>(value);
}

void encode(const LogRecord& record, unsigned char bytes[kLogRecordSize]) {
  put(bytes, record.position, 8);
  put(bytes + 8, static_cast<uint64_t>(record.time_us), 8);
  put(bytes + 16, static_cast<uint64_t>(record.kind), 4);
  put(bytes + 20, record.value, 4);
  put(bytes + 24, 0, 4);
  put(bytes + 28, crc32c(bytes, 28), 4);
}

}  // namespace

int LogSegment::make(int dir_fd, const LogRecord& first) {
  LogName idx(first.position, ".idx");
  LogName raw(first.position, ".raw");
  idx_size_ = raw_size_ = 0;
  int err = make_file(dir_fd, idx.c_str(), &idx_fd_);
  if (err < 0) return err;
  err = add(first);
  // The raw file comes last: from then on, readers take the segment before this one as complete.
  if (err == 0) err = make_file(dir_fd, raw.c_str(), &raw_fd_);
  if (err == 0) return 0;
  close();
  unlinkat(dir_fd, idx.c_str(), 0);
  return err;
}

void LogSegment::close() {
  idx_fd_.reset();
  raw_fd_.reset();
}

int LogSegment::add(const LogRecord& record) {
  unsigned char bytes[kLogRecordSize];
  encode(record, bytes);
  // At a place of its own: the next record overwrites what a failure left of this one.
  ssize_t n = retried([&] { return pwrite(idx_fd_.get(), bytes, sizeof bytes, static_cast<off_t>(idx_size_)); });
  if (n < 0) return static_cast<int>(n);
  // The kernel wrote a part of it: there is no room for the rest.
  if (n != static_cast<ssize_t>(sizeof bytes)) return -ENOSPC;
  idx_size_ += sizeof bytes;
  bool has_bytes = record.kind == LogKind::Stdout || record.kind == LogKind::Stderr;
  // Readers watch the raw file only. Ignore an error: they will hear of the next bytes, or that we have left.
  if (!has_bytes && raw_fd_.valid()) (void)futimens(raw_fd_.get(), nullptr);
  return 0;
}

ssize_t LogSegment::append(const LogBytes& bytes) {
  loff_t at = static_cast<loff_t>(raw_size_);
  ssize_t n = retried([&] {
    return bytes.data != nullptr ? pwrite(raw_fd_.get(), bytes.data, bytes.size, at)
                                 : splice(bytes.pipe_fd, nullptr, raw_fd_.get(), &at, bytes.size, SPLICE_F_MOVE);
  });
  if (n == 0) return -EIO;  // there was something to write
  if (n > 0) raw_size_ += static_cast<uint64_t>(n);
  return n;
}
