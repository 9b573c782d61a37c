// open(2) that never waits for the other end of a FIFO (fifo(7)). Opened without O_NONBLOCK, a FIFO waits until another
// process opens its other end, so it is refused. All other errors are the kernel's.
//
// Race: another process may replace the name between a look at it and open(2).
// Without O_CREAT the name is resolved once, to an O_PATH descriptor, and that inode is reopened through /proc/self/fd
// (proc(5)), so there is no race. With O_CREAT the name itself must be opened, because the kernel's fs.protected_*
// checks depend on it. It is opened with O_NONBLOCK, and the flag is cleared once it is known to be no FIFO. A FIFO
// that replaced the name is open for a moment, but nothing waits.
#include "addon/open_nonblocking.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "addon/calls.h"
#include "addon/file_status.h"
#include "common/text.h"
#include "common/unique_fd.h"

namespace {

int open_plain(const char* path, int flags, mode_t mode) {
  return retried([&] { return open(path, flags | O_CLOEXEC, mode); });
}

// The inode that `path` names, without opening it: an O_PATH descriptor or -errno.
int look_up(const char* path, int flags, FileStatus* status) {
  int found = open_plain(path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);
  if (found < 0) return found;
  UniqueFd fd(found);
  int result = status_of(fd.get(), status);
  return result < 0 ? result : fd.release();
}

int open_existing(const char* path, int flags) {
  FileStatus status;
  int found = look_up(path, flags, &status);
  if (found < 0) return found;
  UniqueFd inode_fd(found);
  if (S_ISFIFO(status.mode)) return kWouldBlock;
  // A symbolic link itself is found only with O_NOFOLLOW; open(2) fails with ELOOP then.
  if (S_ISLNK(status.mode)) return -ELOOP;
  Text<32> self_path;
  self_path.add("/proc/self/fd/").add_int(inode_fd.get());
  return open_plain(self_path.c_str(), flags & ~O_NOFOLLOW, 0);
}

int open_or_create(const char* path, int flags, mode_t mode) {
  FileStatus status;
  int found = look_up(path, flags, &status);
  if (found >= 0) {
    UniqueFd inode_fd(found);
    if (S_ISFIFO(status.mode)) return kWouldBlock;
  }
  int opened = open_plain(path, flags | O_NONBLOCK, mode);
  if (opened < 0) return opened;
  UniqueFd fd(opened);
  int result = status_of(fd.get(), &status);
  if (result < 0) return result;
  if (S_ISFIFO(status.mode)) return kWouldBlock;
  int current = fcntl(fd.get(), F_GETFL);
  if (current < 0 || fcntl(fd.get(), F_SETFL, current & ~O_NONBLOCK) < 0) return -errno;
  return fd.release();
}

}  // namespace

int open_nonblocking(const char* path, int flags, mode_t mode) {
  // O_PATH does not open the file, and O_TMPFILE or O_CREAT | O_EXCL make a new one: no existing FIFO is opened.
  bool never_waits = (flags & (O_NONBLOCK | O_PATH)) != 0 || (flags & O_TMPFILE) == O_TMPFILE ||
                     (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  if (never_waits) return open_plain(path, flags, mode);
  return (flags & O_CREAT) != 0 ? open_or_create(path, flags, mode) : open_existing(path, flags);
}
