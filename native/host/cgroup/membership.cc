#include "host/cgroup/membership.h"

#include <errno.h>
#include <fcntl.h>

#include "common/cgroup_path.h"
#include "common/files.h"
#include "host/cgroup/cgroup.h"

namespace {

constexpr size_t kMaxFile = 64u << 10;

// The id of the mount that an open file is in (proc(5), /proc/<pid>/fdinfo).
int read_mount_id(int fd, TextBuilder& id) {
  Text<64> path;
  FileBytes text;
  path.add("/proc/self/fdinfo/").add_int(fd);
  int err = read_file(AT_FDCWD, path.c_str(), kMaxFile, &text);
  if (err < 0) return err;
  for (std::string_view rest = text.view(); !rest.empty();) {
    std::string_view line = take_until(&rest, '\n');
    if (take_until(&line, '\t') == "mnt_id:") id.add(line);
  }
  return id.size() > 0 ? 0 : -ENOENT;
}

}  // namespace

int CgroupMembership::find_path() {
  UniqueFd cgroup_fd;
  Text<PATH_MAX> directory;
  Text<24> mount_id;
  MountReader mounts;
  int err = open_cgroup(container_fd_, &cgroup_fd);
  if (err == 0) err = find_cgroup_directory(container_fd_, directory);
  if (err == 0) err = read_mount_id(cgroup_fd.get(), mount_id);
  if (err == 0) err = mounts.open();
  if (err == 0) err = find_in_hierarchy(mounts, mount_id.view(), directory.view(), path_);
  if (err < 0) path_.clear();
  return err;
}

int CgroupMembership::contains(pid_t pid) {
  Text<PATH_MAX> now;
  int err = path_.size() == 0 ? find_path() : 0;
  if (err == 0) err = read_cgroup_path(pid, now);
  if (err < 0) return err;
  std::string_view rest = now.view();
  if (!starts_with(rest, path_.view())) return 0;
  rest.remove_prefix(path_.size());
  return rest.empty() || rest.front() == '/' ? 1 : 0;
}
