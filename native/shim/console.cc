#include "shim/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <utility>

#include "common/retry.h"

namespace {

constexpr const char* kName = "console.sock";

// Receives one message: its first descriptor, while any others are closed. -EAGAIN; -EPROTO if it brought none; or
// another -errno.
int receive_fd(int socket_fd) {
  char name[4096];
  struct iovec iov = {name, sizeof name};
  alignas(struct cmsghdr) char space[CMSG_SPACE(4 * sizeof(int))];
  struct msghdr message = {};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  ssize_t n = retried([&] { return recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (n < 0) return static_cast<int>(n);

  UniqueFd first;
  for (struct cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      UniqueFd owned(fd);
      if (!first.valid()) first = std::move(owned);
    }
  }
  return first.valid() ? first.release() : -EPROTO;
}

}  // namespace

int ConsoleSocket::listen_in(const char* dir) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return -errno;
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, kName, strlen(kName) + 1);
  if (bind(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  if (chmod(kName, 0600) < 0 || listen(fd.get(), 1) < 0) return -errno;
  path_.clear();
  path_.add(dir).add('/').add(kName);
  if (path_.truncated() || path_.size() >= sizeof address.sun_path) {
    // sun_path holds 107 bytes. This path to the same socket is always short enough.
    path_.clear();
    path_.add("/proc/").add_int(getpid()).add("/cwd/").add(kName);
  }
  listener_ = std::move(fd);
  return 0;
}

int ConsoleSocket::receive() {
  if (!connection_.valid()) {
    int fd;
    do fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) return -errno;
    connection_.reset(fd);
  }
  int received = receive_fd(connection_.get());
  if (received < 0) {
    // This connection will bring no descriptor, and its end of file would wake us without end. Wait for another one.
    if (received != -EAGAIN) connection_.reset();
    return received;
  }
  UniqueFd master(received);
  int flags = fcntl(master.get(), F_GETFL);
  if (flags < 0 || fcntl(master.get(), F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  close();
  return master.release();
}

void ConsoleSocket::close() {
  if (listener_.valid()) unlink(kName);
  listener_.reset();
  connection_.reset();
}
