#include "shim/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/files.h"
#include "common/json_escape.h"
#include "common/text.h"

int JsonLog::open(const char* path) {
  // O_NONBLOCK: open(2) must not wait if the name is a FIFO.
  int fd = open_fd(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return fd;
  fd_.reset(fd);
  // The mode, whatever the umask. Ignore a failure: the file may be another user's, or on a read-only disk.
  (void)fchmod(fd, 0600);
  return 0;
}

void JsonLog::line(std::string_view level, std::string_view message, int spawn_errno) {
  if (!fd_.valid()) return;
  Text<4096> out;
  out.add("{\"level\":\"").add(level);
  if (spawn_errno != 0)
    out.add("\",\"syscall\":\"spawn\",\"errno\":").add_int(spawn_errno).add(",\"msg\":\"");
  else
    out.add("\",\"msg\":\"");
  // The escaped message leaves room for the end of the line.
  add_json_escaped(out, message, 4096 - out.size() - 8);
  out.add("\"}\n");
  // Ignore: there is nowhere else to report a log that cannot be written.
  (void)write_all(fd_.get(), out.view());
}
