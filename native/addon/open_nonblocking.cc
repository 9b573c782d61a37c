// open(2) that never waits for the other end of a FIFO (fifo(7)). Owns the order of look and open; the errors are the
// kernel's. A FIFO opened without O_NONBLOCK sleeps until someone opens the other end, so it is refused. Looking by
// name and opening by name would race with whoever replaces the name in between:
//   - without O_CREAT the name is resolved once, to an O_PATH descriptor, and that very inode is reopened through
//     /proc/self/fd (proc(5)): no race;
//   - with O_CREAT the name itself must be opened (the kernel's fs.protected_* checks depend on it), so it is opened
//     with O_NONBLOCK and the flag taken off again once the result is known to be no FIFO. A FIFO that takes the name's
//     place after the look is open for a moment, but nothing sleeps.
#include "addon/open_nonblocking.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>

#include "addon/calls.h"
#include "common/unique_fd.h"

namespace {

int open_plain(const char* path, int flags, mode_t mode) {
  return retried([&] { return open(path, flags | O_CLOEXEC, mode); });
}

// The inode that `path` names, without opening it: an O_PATH descriptor or -errno.
int look_up(const char* path, int flags, struct stat* status) {
  int found = open_plain(path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);
  if (found < 0) return found;
  UniqueFd fd(found);
  if (fstat(fd.get(), status) < 0) return -errno;
  return fd.release();
}

int open_existing(const char* path, int flags) {
  struct stat status;
  int found = look_up(path, flags, &status);
  if (found < 0) return found;
  UniqueFd inode_fd(found);
  if (S_ISFIFO(status.st_mode)) return kWouldBlock;
  // Only with O_NOFOLLOW is a link itself found; open(2) says ELOOP.
  if (S_ISLNK(status.st_mode)) return -ELOOP;
  char self_path[32] = "/proc/self/fd/";
  char* end =
      std::to_chars(self_path + sizeof "/proc/self/fd/" - 1, self_path + sizeof self_path - 1, inode_fd.get()).ptr;
  *end = '\0';
  return open_plain(self_path, flags & ~O_NOFOLLOW, 0);
}

int open_or_create(const char* path, int flags, mode_t mode) {
  struct stat status;
  int found = look_up(path, flags, &status);
  if (found >= 0) {
    UniqueFd inode_fd(found);
    if (S_ISFIFO(status.st_mode)) return kWouldBlock;
  }
  int opened = open_plain(path, flags | O_NONBLOCK, mode);
  if (opened < 0) return opened;
  UniqueFd fd(opened);
  if (fstat(fd.get(), &status) < 0) return -errno;
  if (S_ISFIFO(status.st_mode)) return kWouldBlock;
  int current = fcntl(fd.get(), F_GETFL);
  if (current < 0 || fcntl(fd.get(), F_SETFL, current & ~O_NONBLOCK) < 0) return -errno;
  return fd.release();
}

}  // namespace

int open_nonblocking(const char* path, int flags, mode_t mode) {
  // None of these opens an existing FIFO: O_PATH opens nothing, the other two make something new.
  bool never_waits = (flags & (O_NONBLOCK | O_PATH)) != 0 || (flags & O_TMPFILE) == O_TMPFILE ||
                     (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  if (never_waits) return open_plain(path, flags, mode);
  return (flags & O_CREAT) != 0 ? open_or_create(path, flags, mode) : open_existing(path, flags);
}
