#include "shim/log_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "common/syscalls.h"
#include "shim/log_segment.h"

namespace {

constexpr std::string_view kSuffixes[2] = {".raw", ".idx"};

struct DirectoryEntry {  // getdents64(2)
  uint64_t ino;
  int64_t off;
  unsigned short length;
  unsigned char type;
  char name[];
};

// The position in the name of a segment's file. False if it is another file.
bool parse_name(const char* name, uint64_t* start, bool* is_raw) {
  if (strlen(name) != 24) return false;
  uint64_t value = 0;
  for (int i = 0; i < 20; i++) {
    if (name[i] < '0' || name[i] > '9') return false;
    unsigned digit = static_cast<unsigned>(name[i] - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  std::string_view suffix(name + 20, 4);
  *is_raw = suffix == kSuffixes[0];
  if (!*is_raw && suffix != kSuffixes[1]) return false;
  *start = value;
  return true;
}

// Calls visit(name, start, is_raw) for each file of a segment, until it returns less than 0. readdir(3) would keep
// 32 KiB of the heap.
template <typename Visit>
int for_each_file(int dir_fd, Visit visit) {
  UniqueFd fd(open_fd(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  if (!fd.valid()) return fd.get();
  alignas(DirectoryEntry) char buffer[2048];
  for (;;) {
    long n = retried([&] { return syscall(SYS_getdents64, fd.get(), buffer, sizeof buffer); });
    if (n <= 0) return static_cast<int>(n);
    for (long at = 0; at < n;) {
      const DirectoryEntry* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      at += entry->length;
      uint64_t start = 0;
      bool is_raw = false;
      if (!parse_name(entry->name, &start, &is_raw)) continue;
      int err = visit(entry->name, start, is_raw);
      if (err < 0) return err;
    }
  }
}

uint64_t size_of(int dir_fd, const char* name) {
  struct stat st;
  bool is_file = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
  return is_file && st.st_size > 0 ? static_cast<uint64_t>(st.st_size) : 0;
}

}  // namespace

int LogDirectory::open(const char* path) {
  fd_.reset(open_fd(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return fd_.valid() ? scan() : fd_.get();
}

int LogDirectory::scan() {
  total_size_ = 0;
  oldest_count_ = oldest_at_ = 0;
  return for_each_file(fd_.get(), [this](const char* name, uint64_t start, bool is_raw) {
    uint64_t size = size_of(fd_.get(), name);
    total_size_ += size;
    // A name is never used twice, so one without bytes takes a position, too.
    uint64_t end = start + std::max<uint64_t>(is_raw ? size : 0, 1);
    next_position_ = std::max(next_position_, end);
    int at = oldest_count_;
    while (at > 0 && oldest_[at - 1] > start) at--;
    if ((at > 0 && oldest_[at - 1] == start) || at == kBatch) return 0;
    if (oldest_count_ < kBatch) oldest_count_++;
    for (int i = oldest_count_ - 1; i > at; i--) oldest_[i] = oldest_[i - 1];
    oldest_[at] = start;
    return 0;
  });
}

int LogDirectory::remove_oldest(uint64_t last) {
  if (oldest_at_ == oldest_count_) {
    int err = scan();
    if (err < 0) return err;
  }
  if (oldest_at_ == oldest_count_ || oldest_[oldest_at_] >= last) {
    oldest_count_ = oldest_at_ = 0;
    return -ENOENT;
  }
  return remove(oldest_[oldest_at_++]);
}

int LogDirectory::remove(uint64_t start) {
  for (std::string_view suffix : kSuffixes) {
    LogName name(start, suffix);
    uint64_t size = size_of(fd_.get(), name.c_str());
    // The space is freed only if the file is truncated: a reader may have it open. Ignore a failure.
    UniqueFd file(open_fd(fd_.get(), name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
    if (file.valid()) (void)!ftruncate(file.get(), 0);
    if (unlinkat(fd_.get(), name.c_str(), 0) < 0 && errno != ENOENT) return -errno;
    total_size_ -= std::min(size, total_size_);
  }
  return 0;
}

int LogDirectory::flush() {
  int err = for_each_file(fd_.get(), [this](const char* name, uint64_t, bool) {
    UniqueFd file(open_fd(fd_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    return file.valid() ? ::flush(file.get()) : file.get();
  });
  return err < 0 ? err : ::flush(fd_.get());
}
