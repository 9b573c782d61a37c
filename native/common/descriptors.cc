#include "common/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/retry.h"
#include "common/syscalls.h"
#include "common/text.h"

namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;

// The entries of getdents64(2): two 64-bit numbers, then the entry's length, its type and its name.
constexpr size_t kLengthAt = 16;
constexpr size_t kNameAt = 19;

void close_or_mark(int fd, bool on_exec) {
  if (on_exec) {
    syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
  } else {
    syscall(SYS_close, fd);
  }
}

// By the list in /proc/self/fd. It is sorted by number, and the next number is looked up at each step, so that closing
// what is listed leaves nothing out.
int close_each_from(int first_fd, bool on_exec) {
  // Makes room for the directory's descriptor, if the table is full.
  if (!on_exec) syscall(SYS_close, first_fd);
  long dir_fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd < 0) return -errno;
  alignas(8) char entries[2048];
  long size = 0;
  while ((size = syscall(SYS_getdents64, dir_fd, entries, sizeof entries)) > 0) {
    for (long at = 0; at < size;) {
      uint16_t length = 0;
      memcpy(&length, entries + at + kLengthAt, sizeof length);
      int64_t fd = 0;
      bool is_number = parse_int(entries + at + kNameAt, &fd);
      if (is_number && fd >= first_fd && fd != dir_fd) close_or_mark(static_cast<int>(fd), on_exec);
      at += length;
    }
  }
  int result = size < 0 ? -errno : 0;
  syscall(SYS_close, dir_fd);
  return result;
}

// close_range(2), Linux 5.9 (its flag: 5.11). One by one if the kernel or a seccomp filter does not know it; its error
// if that fails, too.
int close_range_from(int first_fd, bool on_exec) {
  if (syscall(SYS_close_range, static_cast<unsigned>(first_fd), ~0u, on_exec ? kCloseRangeCloexec : 0u) == 0) return 0;
  int refused = errno;
  return close_each_from(first_fd, on_exec) < 0 ? -refused : 0;
}

}  // namespace

int close_descriptors_from(int first_fd) { return close_range_from(first_fd, false); }

int close_descriptors_on_exec(int first_fd) { return close_range_from(first_fd, true); }

int fill_standard_descriptors() {
  for (int fd = 0; fd < 3; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // open(2) takes the lowest free number, which is `fd`. Not close-on-exec: started programs keep it.
    int opened = retried([] { return open("/dev/null", O_RDWR); });
    if (opened != fd) return opened < 0 ? opened : -EBADF;
  }
  return 0;
}
