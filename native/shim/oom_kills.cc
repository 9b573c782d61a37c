#include "shim/oom_kills.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "common/cgroup_path.h"
#include "common/files.h"
#include "common/retry.h"
#include "common/text.h"

void OomKills::prepare() {
  if (read_memory_cgroup_path(getpid(), own_) < 0) own_.clear();
}

int OomKills::open(pid_t pid) {
  if (own_.size() == 0) return -ENOENT;
  Text<PATH_MAX> path;
  int version = find_other_memory_cgroup(pid, own_.view(), path);
  if (version < 0) return version;
  path.add(version == 1 ? "/memory.oom_control" : "/memory.events");
  if (path.truncated()) return -ENAMETOOLONG;
  fd_.reset(open_fd(AT_FDCWD, path.c_str(), O_RDONLY));
  return fd_.valid() ? 0 : -errno;
}

int64_t OomKills::count() const {
  char text[1024];
  ssize_t n = fd_.valid() ? retried([&] { return pread(fd_.get(), text, sizeof text, 0); }) : -1;
  int64_t kills = -1;
  // The kernel counts kills of v1 cgroups since 4.13.
  if (n <= 0 || !find_number({text, static_cast<size_t>(n)}, "oom_kill", &kills) || kills < 0) return -1;
  return kills;
}
