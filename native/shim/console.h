// The console socket: the runtime opens the container's pty and sends the master to this socket (runc's
// docs/terminals.md).
#pragma once

#include "common/text.h"
#include "common/unique_fd.h"

class ConsoleSocket {
 public:
  // Listens on console.sock in the working directory `dir`. 0 or -errno.
  int listen_in(const char* dir);
  // The path for --console-socket.
  const char* path() const { return path_.c_str(); }
  // Takes the pty master if it has arrived: a close-on-exec, non-blocking descriptor; -EAGAIN if it has not; or another
  // -errno. Removes the socket after success.
  int receive();
  // The descriptor to wait on: readable when receive() may succeed.
  int fd() const { return connection_.valid() ? connection_.get() : listener_.get(); }
  void close();

 private:
  UniqueFd listener_;
  UniqueFd connection_;
  Text<128> path_;
};
