#include "host/launch/start_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

#include "common/descriptors.h"
#include "common/retry.h"
#include "common/text.h"

namespace {

constexpr char kName[] = "start";
constexpr int kBacklog = 16;
constexpr int kStartFd = 3;
constexpr int kRetryMs = 100;

// sun_path holds 107 bytes and the state root's path may be longer, so the directory is named by its descriptor.
int make_socket(int container_fd, UniqueFd* socket_fd, struct sockaddr_un* address) {
  Text<64> path;
  path.add("/proc/self/fd/").add_int(container_fd).add('/').add(kName);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path.c_str(), path.size() + 1);
  socket_fd->reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket_fd->valid() ? 0 : -errno;
}

bool is_let_go(int connection_fd) {
  char go;
  return retried([&] { return read(connection_fd, &go, 1); }) == 1;
}

}  // namespace

int listen_for_start(int container_fd, UniqueFd* socket_fd) {
  struct sockaddr_un address = {};
  int err = make_socket(container_fd, socket_fd, &address);
  if (err < 0) return err;
  // Write permission on the socket is permission to connect. Only the owner has it, by main()'s umask and the mode of
  // the directory.
  if (bind(socket_fd->get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  return listen(socket_fd->get(), kBacklog) < 0 ? -errno : 0;
}

int wait_for_start(int start_fd) {
  if (start_fd != kStartFd && dup3(start_fd, kStartFd, O_CLOEXEC) < 0) _exit(1);
  if (close_descriptors_from(kStartFd + 1) < 0) _exit(1);
  for (;;) {
    int connection_fd = accept4(kStartFd, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection_fd >= 0) {
      if (is_let_go(connection_fd)) {
        // A second `start` that has connected meanwhile gets ECONNRESET.
        close(kStartFd);
        return connection_fd;
      }
      // That `start` was killed before it sent its byte.
      close(connection_fd);
    } else if (errno != EINTR) {
      // The system is short of descriptors or memory. Try again later.
      (void)poll(nullptr, 0, kRetryMs);
    }
  }
}

int send_start(int container_fd, UniqueFd* connection_fd) {
  struct sockaddr_un address = {};
  int err = make_socket(container_fd, connection_fd, &address);
  if (err < 0) return err;
  // connect(2) waits if the backlog is full, and we hold the container's lock: the wait needs a limit.
  constexpr struct timeval kTimeout = {10, 0};
  if (setsockopt(connection_fd->get(), SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout) < 0) return -errno;
  if (connect(connection_fd->get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  ssize_t n = retried([&] { return send(connection_fd->get(), "", 1, MSG_NOSIGNAL); });
  return n < 0 ? static_cast<int>(n) : 0;
}

bool has_start_socket(int container_fd) { return faccessat(container_fd, kName, F_OK, 0) == 0; }

void remove_start_socket(int container_fd) { (void)unlinkat(container_fd, kName, 0); }
