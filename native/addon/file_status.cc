// The raw system call with its own struct, which the headers of some C libraries lack.
#include "addon/file_status.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/retry.h"

namespace {

constexpr unsigned kMaskBasic = 0x7ff;  // STATX_BASIC_STATS

struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t padding;
};

// The kernel's struct statx.
struct Statx {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t links, uid, gid;
  uint16_t mode, padding;
  uint64_t inode, size, blocks, known_attributes;
  StatxTime accessed, born, changed, modified;
  uint32_t special_major, special_minor, device_major, device_minor;
  uint64_t rest[14];
};
static_assert(sizeof(Statx) == 256, "the size of the kernel's struct statx");

int ask(int dir_fd, const char* path, int flags, FileStatus* status) {
  Statx found;
  long result = retried([&] { return syscall(SYS_statx, dir_fd, path, flags, kMaskBasic, &found); });
  if (result < 0) return static_cast<int>(result);
  status->device = makedev(found.device_major, found.device_minor);
  status->inode = found.inode;
  status->modified_ns = found.modified.seconds * 1000000000 + found.modified.nanoseconds;
  status->size = found.size;
  status->mode = found.mode;
  status->uid = found.uid;
  return 0;
}

}  // namespace

int status_of(int fd, FileStatus* status) { return ask(fd, "", AT_EMPTY_PATH, status); }

int status_at(const char* path, FileStatus* status) { return ask(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status); }
