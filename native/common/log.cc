#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/files.h"
#include "common/json_escape.h"
#include "common/text.h"

int JsonLog::open(const char* path) {
  // O_NONBLOCK: a FIFO under this name must not hang us.
  int fd = open_fd(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return fd;
  fd_.reset(fd);
  // Whatever the umask was. Not ours to change (another's file, a read-only disk) is no reason to fail.
  (void)fchmod(fd, 0600);
  return 0;
}

void JsonLog::line(std::string_view level, std::string_view message) {
  if (!fd_.valid()) return;
  Text<4096> out;
  out.add("{\"level\":\"").add(level).add("\",\"msg\":\"");
  // The tail always fits: escaping stops short of the end of the buffer.
  add_json_escaped(out, message, 4096 - out.size() - 8);
  out.add("\"}\n");
  // A log that cannot be written (disk full) has nobody left to tell.
  (void)write_all(fd_.get(), out.view());
}
