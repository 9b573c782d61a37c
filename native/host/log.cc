#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/clock.h"
#include "common/files.h"
#include "common/json_escape.h"

int Report::open(const char* path, bool json) {
  // O_NONBLOCK: a FIFO under this name must not hang us.
  int fd = open_fd(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return fd;
  log_fd_.reset(fd);
  json_ = json;
  return 0;
}

void Report::error(std::string_view message) const {
  // Every byte may become six (\u00xx); what is longer is cut.
  Text<8192> line;
  if (!log_fd_.valid()) {
    line.add("outlive-host: ")
        .add(std::string_view(message.data(), message.size() < 8000 ? message.size() : 8000))
        .add('\n');
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
  if (json_) {
    line.add(",\"time\":\"");
    add_rfc3339_now(line);
    line.add("\"}");
  }
  line.add('\n');
  // A log that cannot be written (disk full) has nobody left to tell.
  (void)write_all(log_fd_.get(), line.view());
}

TextBuilder& add_reason(TextBuilder& out, int err) {
  const char* text = strerror(err < 0 ? -err : err);
  char first = text[0];
  if (first >= 'A' && first <= 'Z') first = static_cast<char>(first - 'A' + 'a');
  return out.add(first).add(text[0] == '\0' ? text : text + 1);
}
