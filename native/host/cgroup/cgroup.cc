#include "host/cgroup/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>

#include "common/cgroup_path.h"
#include "common/clock.h"
#include "common/proc.h"
#include "host/cgroup/delegation.h"
#include "host/cgroup/events.h"

namespace {

constexpr char kLink[] = "cgroup";
constexpr char kPrefix[] = "outlive-";
constexpr char kEmpty[] = "populated 0";
constexpr size_t kMaxList = 4u << 20;
constexpr int kMaxDepth = 64;
constexpr int64_t kLingerMs = 1000;

// Reads the path in the link. The cgroup's name must have our prefix, so that no foreign cgroup is ever killed.
int read_link(int container_fd, char (&path)[PATH_MAX]) {
  ssize_t length = readlinkat(container_fd, kLink, path, sizeof path - 1);
  if (length < 0) return -errno;
  path[length] = '\0';
  const char* name = strrchr(path, '/');
  return name != nullptr && strncmp(name + 1, kPrefix, strlen(kPrefix)) == 0 ? 0 : -ENOENT;
}

void add_name(TextBuilder& out, const char* id) {
  constexpr char kHex[] = "0123456789abcdef";
  unsigned char random[8] = {};
  ssize_t filled = getrandom(random, sizeof random, 0);
  (void)filled;  // a fortified C library warns if the result is not taken
  size_t length = strlen(id);
  out.add('/').add(kPrefix).add(std::string_view(id, length < 100 ? length : 100)).add('-');
  for (unsigned char byte : random) out.add(kHex[byte >> 4]).add(kHex[byte & 15]);
}

// Calls visit(descriptor, name) for each cgroup directly below, until one call fails.
template <typename Visit>
int for_each_below(int cgroup_fd, Visit visit) {
  int list_fd = open_fd(cgroup_fd, ".", O_RDONLY | O_DIRECTORY);
  if (list_fd < 0) return list_fd;
  DIR* dir = fdopendir(list_fd);
  if (dir == nullptr) {
    close(list_fd);
    return -ENOMEM;
  }
  int err = 0;
  while (err == 0) {
    struct dirent* entry = readdir(dir);
    if (entry == nullptr) break;
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    UniqueFd below(open_fd(cgroup_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    // Skip one that has been removed meanwhile.
    if (below.valid()) err = visit(below.get(), entry->d_name);
  }
  closedir(dir);
  return err;
}

// Not inlined, so that its buffer is not in each frame of the recursion below.
[[gnu::noinline]] int list_directly_in(int cgroup_fd, HeapArray<pid_t>* pids) {
  FileBytes text;
  int err = read_file(cgroup_fd, "cgroup.procs", kMaxList, &text);
  // A threaded cgroup fails with EOPNOTSUPP; its processes are listed in the cgroup above.
  if (err < 0 && err != -EOPNOTSUPP && err != -ENODEV) return err;
  return add_pids(text.view(), pids);
}

int list_below(int cgroup_fd, HeapArray<pid_t>* pids, int depth) {
  int err = list_directly_in(cgroup_fd, pids);
  if (err < 0) return err;
  if (depth == kMaxDepth) return -ELOOP;
  return for_each_below(cgroup_fd, [&](int below_fd, const char*) { return list_below(below_fd, pids, depth + 1); });
}

int remove_below(int cgroup_fd, int depth) {
  if (depth == kMaxDepth) return -ELOOP;
  return for_each_below(cgroup_fd, [&](int below_fd, const char* name) {
    int err = remove_below(below_fd, depth + 1);
    if (err == 0 && unlinkat(cgroup_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT) err = -errno;
    return err;
  });
}

}  // namespace

int create_cgroup(int container_fd, const char* id, UniqueFd* cgroup_fd) {
  Text<PATH_MAX> own;
  int err = find_own_cgroup(own);
  if (err < 0) return err;
  if (!is_delegated(own.c_str())) return -EPERM;
  return create_cgroup_below(own.c_str(), container_fd, id, cgroup_fd);
}

int create_cgroup_below(const char* parent, int container_fd, const char* id, UniqueFd* cgroup_fd) {
  Text<PATH_MAX> path;
  int err = 0;
  add_name(path.add(parent), id);
  if (path.truncated()) return -ENAMETOOLONG;
  if (symlinkat(path.c_str(), container_fd, kLink) < 0) return -errno;
  if (mkdir(path.c_str(), 0755) < 0) {
    err = -errno;
    unlinkat(container_fd, kLink, 0);
    return err;
  }
  err = open_fd(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (err < 0) {
    (void)remove_cgroup(container_fd);
    return err;
  }
  cgroup_fd->reset(err);
  return 0;
}

int open_cgroup(int container_fd, UniqueFd* cgroup_fd) {
  char path[PATH_MAX];
  int err = read_link(container_fd, path);
  if (err < 0) return err;
  UniqueFd fd(open_fd(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!fd.valid()) return fd.get();
  struct statfs fs;
  if (fstatfs(fd.get(), &fs) < 0) return -errno;
  if (fs.f_type != CGROUP2_SUPER_MAGIC) return -ENOENT;
  *cgroup_fd = static_cast<UniqueFd&&>(fd);
  return 0;
}

int find_cgroup_directory(int container_fd, TextBuilder& path) {
  char own[PATH_MAX];
  int err = read_link(container_fd, own);
  if (err == 0) path.add(own);
  return err;
}

int find_parent_cgroup(int container_fd, TextBuilder& path) {
  char own[PATH_MAX];
  int err = read_link(container_fd, own);
  if (err < 0) return err;
  path.add(std::string_view(own, static_cast<size_t>(strrchr(own, '/') - own)));
  return 0;
}

bool has_controllers(int cgroup_fd) {
  FileBytes text;
  return read_file(cgroup_fd, "cgroup.controllers", kMaxList, &text) == 0 && text.size() > 1;
}

int enter_cgroup(int cgroup_fd, pid_t pid) {
  UniqueFd fd(open_fd(cgroup_fd, "cgroup.procs", O_WRONLY));
  if (!fd.valid()) return fd.get();
  Text<24> text;
  text.add_int(pid);
  return write_all(fd.get(), text.view());
}

int list_cgroup(int cgroup_fd, HeapArray<pid_t>* pids) { return list_below(cgroup_fd, pids, 0); }

int kill_cgroup(int cgroup_fd, int64_t deadline_ms) {
  UniqueFd events_fd(open_fd(cgroup_fd, "cgroup.events", O_RDONLY));
  if (!events_fd.valid()) return events_fd.get();
  int empty = has_event(events_fd.get(), kEmpty);
  if (empty != 0) return empty < 0 ? empty : 0;
  UniqueFd kill_fd(open_fd(cgroup_fd, "cgroup.kill", O_WRONLY));
  if (!kill_fd.valid()) return kill_fd.get();
  int err = write_all(kill_fd.get(), "1");
  return err < 0 ? err : wait_for_event(events_fd.get(), kEmpty, deadline_ms);
}

int remove_cgroup(int container_fd) {
  char path[PATH_MAX];
  UniqueFd cgroup_fd;
  int err = open_cgroup(container_fd, &cgroup_fd);
  if (err == -ENOENT) return 0;
  if (err == 0) err = read_link(container_fd, path);
  // There is nearly always nothing below.
  if (err < 0 || rmdir(path) == 0 || errno == ENOENT) return err;
  // A process leaves its cgroup a moment after its parent could reap it.
  UniqueFd events_fd(open_fd(cgroup_fd.get(), "cgroup.events", O_RDONLY));
  if (events_fd.valid()) (void)wait_for_event(events_fd.get(), kEmpty, monotonic_ms() + kLingerMs);
  err = remove_below(cgroup_fd.get(), 0);
  if (err < 0) return err;
  return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}
