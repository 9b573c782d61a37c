#include "shim/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "common/files.h"
#include "shim/acl.h"

namespace {

constexpr const char* kNames[3] = {"stdin", "stdout", "stderr"};

// A megabyte is what an unprivileged user may ask for by default (pipe-max-size); measured, it carries three times what
// 64 KiB does. Refused (EPERM over the user's page limit) it stays as it was.
constexpr int kPipeSize = 1 << 20;

int set_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  return 0;
}

// Both ends of a FIFO, in the order that never blocks and never fails with ENXIO: the reader first.
int open_fifo(const char* path, bool is_stdin, UniqueFd* end, UniqueFd* hold) {
  UniqueFd reader(open_fd(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  if (!reader.valid()) return -errno;
  UniqueFd writer(open_fd(AT_FDCWD, path, O_WRONLY | O_NONBLOCK));
  if (!writer.valid()) return -errno;
  (void)fcntl(writer.get(), F_SETPIPE_SZ, kPipeSize);
  *end = is_stdin ? std::move(reader) : std::move(writer);
  *hold = is_stdin ? std::move(writer) : std::move(reader);
  return 0;
}

int open_other(const char* path, bool is_stdin, bool is_new, UniqueFd* end) {
  // O_NONBLOCK guards the open only (a device, or a FIFO that took the file's place).
  int flags = O_NONBLOCK | O_NOCTTY | (is_stdin ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT);
  end->reset(open_fd(AT_FDCWD, path, flags, 0600));
  if (!end->valid()) return -errno;
  if (is_new && !is_stdin && fchmod(end->get(), 0600) < 0) return -errno;
  return 0;
}

// A rootless runtime gives the streams to the process's user. Where that is another one than the namespace's root, who
// is us, the supervisor could not open them any more. (Only an owner may set the list; of others' files nothing is
// lost.)
bool is_taken_from_us(const ShimConfig& config) {
  return config.user != 0 && config.root_uid != 0 && config.root_uid == geteuid();
}

int open_one(const ShimConfig& config, int i, Stdio* stdio) {
  const char* path = config.stdio_path[i];
  struct stat st;
  bool is_new = stat(path, &st) < 0;
  if (is_new && errno != ENOENT) return -errno;
  // A directory would open as stdin, and no read of it would ever work.
  if (!is_new && S_ISDIR(st.st_mode)) return -EISDIR;
  bool is_fifo = !is_new && S_ISFIFO(st.st_mode);
  int err = is_fifo ? open_fifo(path, i == 0, &stdio->end[i], &stdio->hold[i])
                    : open_other(path, i == 0, is_new, &stdio->end[i]);
  if (err < 0) return err;
  // A FIFO, or a file that was made here, belongs to the container's root, so that the process can reopen /dev/stdout;
  // root of no user namespace owns it already. Not being allowed to is no reason to fail: the descriptor works all the
  // same.
  if ((is_fifo || is_new) && (config.root_uid != 0 || config.root_gid != 0)) {
    (void)!fchown(stdio->end[i].get(), config.root_uid, config.root_gid);
  }
  if (config.terminal) return 0;
  if (is_taken_from_us(config)) (void)allow_user(stdio->end[i].get(), geteuid());
  return set_blocking(stdio->end[i].get());
}

}  // namespace

int open_stdio(const ShimConfig& config, Stdio* stdio, TextBuilder& why) {
  int count = config.terminal ? 2 : 3;
  for (int i = 0; i < count; i++) {
    int err = open_one(config, i, stdio);
    if (err < 0) {
      why.add("open ").add(kNames[i]).add(' ').add(config.stdio_path[i]).add(": ").add_errno(err);
      return err;
    }
  }
  return 0;
}
