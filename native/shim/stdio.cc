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

// One MiB, the largest size that an unprivileged user may set by default (pipe-max-size): measured, three times the
// throughput of 64 KiB. If it is refused (EPERM, over the user's limit of pages), the FIFO keeps its size.
constexpr int kPipeSize = 1 << 20;

int set_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  return 0;
}

// Opens both ends of a FIFO. The reader first: then neither open(2) blocks or fails with ENXIO.
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
  // O_NONBLOCK only for open(2) itself, which must not wait for a device, or for a FIFO that has replaced the file.
  int flags = O_NONBLOCK | O_NOCTTY | (is_stdin ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT);
  end->reset(open_fd(AT_FDCWD, path, flags, 0600));
  if (!end->valid()) return -errno;
  if (is_new && !is_stdin && fchmod(end->get(), 0600) < 0) return -errno;
  return 0;
}

// True if the runtime will take the streams from us: a rootless runtime gives them to the process's user. If that is
// not the root of the user namespace, which is us, then the supervisor could no longer open them. (Only an owner may
// set an access control list; for files of others there is nothing to do.)
bool is_taken_from_us(const ShimConfig& config) {
  return config.user != 0 && config.root_uid != 0 && config.root_uid == geteuid();
}

// Gives a FIFO, a pipe or a new file to the container's root, so that the process can reopen /dev/stdin and
// /dev/stdout. Without a user namespace that is us. Ignores a failure: the descriptor works nevertheless.
void give_to_root(const ShimConfig& config, int fd) {
  if (config.root_uid != 0 || config.root_gid != 0) (void)!fchown(fd, config.root_uid, config.root_gid);
}

// The log is opened with the first stream that goes to it. With a terminal, the terminal's output pump writes to it.
int open_logged(const ShimConfig& config, int i, Stdio* stdio) {
  int err = stdio->log.is_open() ? 0 : stdio->log.open(config.log);
  if (err < 0 || config.terminal) return err;
  if ((err = stdio->log_pipes.open(i, &stdio->end[i])) < 0) return err;
  (void)fcntl(stdio->end[i].get(), F_SETPIPE_SZ, kPipeSize);
  give_to_root(config, stdio->end[i].get());
  return 0;
}

int open_one(const ShimConfig& config, int i, Stdio* stdio) {
  if (i > 0 && config.is_logged(i)) return open_logged(config, i, stdio);
  const char* path = config.stdio_path[i];
  struct stat st;
  bool is_new = stat(path, &st) < 0;
  if (is_new && errno != ENOENT) return -errno;
  // open(2) accepts a directory as stdin, but no read of it would succeed.
  if (!is_new && S_ISDIR(st.st_mode)) return -EISDIR;
  bool is_fifo = !is_new && S_ISFIFO(st.st_mode);
  int err = is_fifo ? open_fifo(path, i == 0, &stdio->end[i], &stdio->hold[i])
                    : open_other(path, i == 0, is_new, &stdio->end[i]);
  if (err < 0) return err;
  if (is_fifo || is_new) give_to_root(config, stdio->end[i].get());
  if (config.terminal) return 0;
  if (is_fifo && i == 0) {
    UniqueFd fifo = std::move(stdio->end[0]);
    if ((err = stdio->relay.open(std::move(fifo), &stdio->end[0])) < 0) return err;
    (void)fcntl(stdio->end[0].get(), F_SETPIPE_SZ, kPipeSize);
    give_to_root(config, stdio->end[0].get());
    return 0;  // the pipe is blocking
  }
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
