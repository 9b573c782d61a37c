#include "addon/file_status.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "common/statx.h"

namespace {

constexpr unsigned kMaskBasic = 0x7ff;  // STATX_BASIC_STATS

int ask(int dir_fd, const char* path, int flags, FileStatus* status) {
  Statx found;
  int err = read_statx(dir_fd, path, flags, kMaskBasic, &found);
  if (err < 0) return err;
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
