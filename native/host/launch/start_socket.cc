#include "host/launch/start_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "common/text.h"

namespace {

constexpr char kName[] = "start";
constexpr int kBacklog = 16;

// sun_path holds 107 bytes, the state root's name may be longer: the directory is named by its descriptor.
int make_socket(int container_fd, UniqueFd* socket_fd, struct sockaddr_un* address) {
  Text<64> path;
  path.add("/proc/self/fd/").add_int(container_fd).add('/').add(kName);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path.c_str(), path.size() + 1);
  socket_fd->reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket_fd->valid() ? 0 : -errno;
}

}  // namespace

int listen_for_start(int container_fd, UniqueFd* socket_fd) {
  struct sockaddr_un address = {};
  int err = make_socket(container_fd, socket_fd, &address);
  if (err < 0) return err;
  // Whoever may write to the socket may connect: only the owner, by main's umask and by the directory's mode.
  if (bind(socket_fd->get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  return listen(socket_fd->get(), kBacklog) < 0 ? -errno : 0;
}

int send_start(int container_fd, UniqueFd* connection_fd) {
  struct sockaddr_un address = {};
  int err = make_socket(container_fd, connection_fd, &address);
  if (err < 0) return err;
  if (connect(connection_fd->get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address) < 0) return -errno;
  ssize_t n;
  do n = send(connection_fd->get(), "", 1, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

bool has_start_socket(int container_fd) { return faccessat(container_fd, kName, F_OK, 0) == 0; }

void remove_start_socket(int container_fd) { (void)unlinkat(container_fd, kName, 0); }
