#include "common/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/retry.h"
#include "common/syscalls.h"
#include "common/text.h"

namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;

// close_range(2), Linux 5.9 (its flag: 5.11). One by one if the kernel or a seccomp filter does not know it.
int close_range_from(int first_fd, bool on_exec) {
  if (syscall(SYS_close_range, static_cast<unsigned>(first_fd), ~0u, on_exec ? kCloseRangeCloexec : 0u) == 0) return 0;
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return -errno;
  while (struct dirent* entry = readdir(dir)) {
    int64_t fd = 0;
    if (!parse_int(entry->d_name, &fd) || fd < first_fd) continue;
    if (on_exec) {
      (void)fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
    } else if (fd != dirfd(dir)) {
      close(static_cast<int>(fd));
    }
  }
  closedir(dir);
  return 0;
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
