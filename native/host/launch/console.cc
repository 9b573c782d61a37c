#include "host/launch/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <termios.h>

#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "host/reason.h"

namespace {

constexpr char kMultiplexer[] = "/dev/ptmx";

int open_slave(int master_fd) {
  int unlock = 0;
  if (ioctl(master_fd, TIOCSPTLCK, &unlock) < 0) return -errno;
#ifdef TIOCGPTPEER
  // Opened through the master, so that it does not matter where devpts is mounted.
  int fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0) return fd;
#endif
  unsigned number = 0;
  if (ioctl(master_fd, TIOCGPTN, &number) < 0) return -errno;
  Text<32> path;
  path.add("/dev/pts/").add_int(number);
  return open_fd(AT_FDCWD, path.c_str(), O_RDWR | O_NOCTTY);
}

int set_size(int fd, const ProcessConfig& process) {
  struct winsize size = {process.terminal_rows, process.terminal_columns, 0, 0};
  if (size.ws_row == 0) size.ws_row = 24;
  if (size.ws_col == 0) size.ws_col = 80;
  return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

// sun_path holds 107 bytes. A socket with a longer path is opened and named through /proc.
int connect_to(const char* path) {
  UniqueFd path_fd;
  Text<64> short_path;
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address.sun_path) {
    path_fd.reset(open_fd(AT_FDCWD, path, O_PATH));
    if (!path_fd.valid()) return path_fd.get();
    path = short_path.add("/proc/self/fd/").add_int(path_fd.get()).c_str();
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return -errno;
  // connect(2) waits if the backlog is full, and we hold the container's lock: the wait needs a limit.
  constexpr struct timeval kTimeout = {10, 0};
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout) < 0) return -errno;
  if (connect(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  return fd.release();
}

// Sends one message: the name of the opened device, and the descriptor (unix(7), SCM_RIGHTS).
int send_descriptor(int socket_fd, int fd) {
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  struct iovec data = {const_cast<char*>(kMultiplexer), strlen(kMultiplexer)};
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t n = retried([&] { return sendmsg(socket_fd, &message, MSG_NOSIGNAL); });
  return n < 0 ? static_cast<int>(n) : 0;
}

}  // namespace

bool check_console(const ProcessConfig& process, const char* socket_path, TextBuilder& error) {
  if (process.terminal && socket_path == nullptr) {
    error.add("process.terminal is true: a detached process needs --console-socket for its terminal");
  } else if (!process.terminal && socket_path != nullptr) {
    error.add("--console-socket is of no use: process.terminal is not true");
  }
  return error.size() == 0;
}

bool open_console(const ProcessConfig& process, const char* socket_path, UniqueFd* slave_fd, TextBuilder& error) {
  if (!process.terminal) return true;
  UniqueFd master_fd(open_fd(AT_FDCWD, kMultiplexer, O_RDWR | O_NOCTTY));
  int err = master_fd.valid() ? open_slave(master_fd.get()) : master_fd.get();
  if (err >= 0) {
    slave_fd->reset(err);
    err = set_size(slave_fd->get(), process);
  }
  if (err < 0) {
    add_reason(error.add("cannot make a terminal: "), err);
    return false;
  }
  UniqueFd socket_fd(connect_to(socket_path));
  err = socket_fd.valid() ? send_descriptor(socket_fd.get(), master_fd.get()) : socket_fd.get();
  if (err < 0) add_reason(error.add("console socket ").add(socket_path).add(": "), err);
  return err == 0;
}
