// `update`: the host runtime sets no limits, so it accepts only resources that ask for none.
#include <errno.h>
#include <fcntl.h>

#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "host/bundle/unsupported.h"
#include "host/commands/commands.h"
#include "host/reason.h"
#include "host/state/container.h"

namespace {

constexpr size_t kMaxSize = 64u << 10;

// Reads to the end of a file or pipe: the size or -errno. buffer[size] stays free for the parser.
ssize_t read_all(int fd, char (&buffer)[kMaxSize + 1]) {
  size_t size = 0;
  while (size < kMaxSize) {
    ssize_t n = retried([&] { return read(fd, buffer + size, kMaxSize - size); });
    if (n < 0) return n;
    if (n == 0) return static_cast<ssize_t>(size);
    size += static_cast<size_t>(n);
  }
  return -EFBIG;
}

bool check_resources(const char* path, TextBuilder& error) {
  char buffer[kMaxSize + 1];
  bool from_stdin = strcmp(path, "-") == 0;
  UniqueFd fd(from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open_fd(AT_FDCWD, path, O_RDONLY | O_NOCTTY));
  ssize_t size = fd.valid() ? read_all(fd.get(), buffer) : from_stdin ? -errno : fd.get();
  JsonDoc doc;
  JsonError wrong;
  if (size < 0) {
    add_reason(error.add("resources ").add(path).add(": "), static_cast<int>(size));
    return false;
  }
  if (!doc.parse(buffer, static_cast<size_t>(size), &wrong)) {
    add_json_error(error, path, wrong);
    return false;
  }
  Text<1024> what;
  if (!doc.root().is(JsonType::Object)) {
    error.add(path).add(": the file must hold a JSON object");
  } else if (!check_resources_supported(doc.root(), what)) {
    error.add("outlive-host sets no limits: ").add(path).add(" asks for ").add(what.view());
  }
  return error.size() == 0;
}

}  // namespace

bool update_command(const CommandLine& line, TextBuilder& error) {
  Container container;
  if (container.open(line, error) < 0 || !container.load(error)) return false;
  Status status = container.status();
  if (status == Status::Creating || status == Status::Stopped) {
    error.add("container not running");
    return false;
  }
  return check_resources(line.resources, error);
}
