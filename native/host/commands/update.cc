// `update`: changes the limits of the container's cgroup.
#include <errno.h>
#include <fcntl.h>

#include <cstring>

#include "common/files.h"
#include "common/retry.h"
#include "host/bundle/limits.h"
#include "host/cgroup/limits.h"
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

// The file's text, and the limits that point into it.
class Resources {
 public:
  bool load(const char* path, TextBuilder& error) {
    bool from_stdin = strcmp(path, "-") == 0;
    UniqueFd fd(from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open_fd(AT_FDCWD, path, O_RDONLY | O_NOCTTY));
    ssize_t size = fd.valid() ? read_all(fd.get(), buffer_) : from_stdin ? -errno : fd.get();
    JsonError wrong;
    if (size < 0) {
      add_reason(error.add("resources ").add(path).add(": "), static_cast<int>(size));
      return false;
    }
    if (!doc_.parse(buffer_, static_cast<size_t>(size), &wrong)) {
      add_json_error(error, path, wrong);
      return false;
    }
    Text<1024> what;
    if (!doc_.root().is(JsonType::Object)) {
      what.add("the file must hold a JSON object");
    } else {
      limits_.read(doc_.root(), what);
    }
    if (what.size() > 0) error.add(path).add(": ").add(what.view());
    return what.size() == 0;
  }

  const Limits& limits() const { return limits_; }

 private:
  char buffer_[kMaxSize + 1];
  JsonDoc doc_;
  Limits limits_;
};

}  // namespace

bool update_command(const CommandLine& line, Reason& error) {
  Container container;
  Resources resources;
  // Before the lock is taken: who writes the resources may be slow.
  if (!resources.load(line.resources, error)) return false;
  if (container.open_locked(line, error) < 0 || !container.load(error)) return false;
  Status status = container.status();
  if (status == Status::Creating || status == Status::Stopped) {
    error.add("container not running");
    return false;
  }
  return resources.limits().empty() || change_limits(container.fd(), resources.limits(), error);
}
