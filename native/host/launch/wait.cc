#include "host/launch/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/launch/program.h"

namespace {

constexpr int kStartFd = 3;
constexpr int kRetryMs = 100;

bool is_let_go(int connection_fd) {
  char go;
  ssize_t n;
  do n = read(connection_fd, &go, 1);
  while (n < 0 && errno == EINTR);
  return n == 1;
}

}  // namespace

int wait_for_start(int start_fd) {
  if (start_fd != kStartFd && dup3(start_fd, kStartFd, O_CLOEXEC) < 0) _exit(1);
  if (close_descriptors_from(kStartFd + 1) < 0) _exit(1);
  for (;;) {
    int connection_fd = accept4(kStartFd, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection_fd >= 0) {
      if (is_let_go(connection_fd)) {
        // A second `start` that has connected meanwhile hears ECONNRESET.
        close(kStartFd);
        return connection_fd;
      }
      // This `start` was killed before it could say so.
      close(connection_fd);
    } else if (errno != EINTR) {
      // The whole system is short of descriptors or memory; not for ever.
      (void)poll(nullptr, 0, kRetryMs);
    }
  }
}
