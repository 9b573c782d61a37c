#include "host/log.h"

#include <errno.h>
#include <fcntl.h>

#include "common/clock.h"
#include "common/files.h"
#include "common/json_escape.h"

int HostLog::open(const char* path, bool json) {
  // O_NONBLOCK: open(2) must not wait if the name is a FIFO.
  int fd = open_fd(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return fd;
  log_fd_.reset(fd);
  json_ = json;
  return 0;
}

void HostLog::error(std::string_view message, const FailedCall* call, const char* code) const {
  // A longer message or path is cut.
  Text<16384> line;
  if (!log_fd_.valid()) {
    size_t size = message.size() < 8000 ? message.size() : 8000;
    line.add("outlive-host: ").add(std::string_view(message.data(), size)).add('\n');
    (void)write_all(STDERR_FILENO, line.view());
    return;
  }
  line.add(json_ ? "{\"level\":\"error\",\"msg\":\"" : "");
  if (!json_) {
    line.add("time=\"");
    add_rfc3339_now(line);
    line.add("\" level=error msg=\"");
  }
  add_json_escaped(line, message, 8192 - line.size() - 64);
  line.add('"');
  if (json_ && code != nullptr) line.add(",\"code\":\"").add(code).add('"');
  if (json_ && call != nullptr && call->err != 0) {
    line.add(",\"errno\":").add_int(call->err).add(",\"syscall\":\"").add(call->name).add('"');
    if (call->path.size() > 0) {
      line.add(",\"path\":\"");
      add_json_escaped(line, call->path.view(), 16384 - line.size() - 64);
      line.add('"');
    }
  }
  if (json_) {
    line.add(",\"time\":\"");
    add_rfc3339_now(line);
    line.add("\"}");
  }
  line.add('\n');
  // Ignore: there is nowhere else to report a log that cannot be written.
  (void)write_all(log_fd_.get(), line.view());
}
