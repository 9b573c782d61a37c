#include "common/cgroup_path.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "common/proc.h"

namespace {

constexpr size_t kMaxSize = 4u << 20;

// Whether a list with commas has this item.
bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    if (take_until(&list, ',') == item) return true;
  }
  return false;
}

// The path from the hierarchy's root, in the text of /proc/<pid>/cgroup: of v1's hierarchy with this controller, of
// v2's for "". Empty if there is none. A line is "number:controllers:path"; v2's number is 0 and it has no controllers.
std::string_view path_in_hierarchy(std::string_view cgroups, std::string_view controller) {
  while (!cgroups.empty()) {
    std::string_view line = take_until(&cgroups, '\n');
    bool is_v2 = starts_with(line, "0::");
    take_until(&line, ':');
    std::string_view controllers = take_until(&line, ':');
    if (controller.empty() ? is_v2 : has_item(controllers, controller)) return line;
  }
  return {};
}

// Cuts the directory `start` off the front of *path. False if the path is not in it.
bool cut_directory(std::string_view start, std::string_view* path) {
  if (start == "/") return !path->empty() && path->front() == '/';
  if (!starts_with(*path, start)) return false;
  path->remove_prefix(start.size());
  return path->empty() || path->front() == '/';
}

// A v1 hierarchy has its controllers among the options.
bool is_of_hierarchy(const Mount& mount, std::string_view controller) {
  return controller.empty() ? mount.type == "cgroup2" : mount.type == "cgroup" && has_item(mount.options, controller);
}

// `own` is visible in the mount only if the mount's root is above it.
bool cut_root(const TextBuilder& root, std::string_view* own) {
  return !root.truncated() && cut_directory(root.view(), own);
}

bool add_path_in_mount(const Mount& mount, std::string_view own, TextBuilder& path) {
  Text<PATH_MAX> root;
  add_unescaped(root, mount.root);
  if (!cut_root(root, &own)) return false;
  add_unescaped(path, mount.mount_point);
  if (own != "/") path.add(own);
  return true;
}

// A path that starts with "/.." is outside of our cgroup namespace.
bool is_visible(std::string_view own) { return !own.empty() && !starts_with(own, "/.."); }

// The same for a cgroup v2 in one of the two places where nearly every system has it, without a look at all mounts.
bool add_usual_path(std::string_view own, TextBuilder& path) {
  for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    Text<PATH_MAX> root;
    Text<32> type;
    std::string_view rest = own;
    if (read_mount_at(place, root, type) < 0 || type.view() != "cgroup2" || !cut_root(root, &rest)) continue;
    path.add(place);
    if (rest != "/") path.add(rest);
    return true;
  }
  return false;
}

// Finds the mount that the path is in. 0 or -errno.
int add_path(std::string_view own, std::string_view controller, TextBuilder& path) {
  if (!is_visible(own)) return -ENOENT;
  if (controller.empty() && add_usual_path(own, path)) return path.truncated() ? -ENAMETOOLONG : 0;
  MountReader mounts;
  int err = mounts.open();
  return err < 0 ? err : find_in_mounts(mounts, own, controller, path);
}

}  // namespace

int find_in_mounts(MountReader& mounts, std::string_view own, std::string_view controller, TextBuilder& path) {
  Mount mount;
  int more;
  while ((more = mounts.next(&mount)) > 0) {
    if (!is_of_hierarchy(mount, controller) || !add_path_in_mount(mount, own, path)) continue;
    return path.truncated() ? -ENAMETOOLONG : 0;
  }
  return more < 0 ? more : -ENOENT;
}

int find_in_hierarchy(MountReader& mounts, std::string_view mount_id, std::string_view directory, TextBuilder& own) {
  Mount mount;
  int more;
  while ((more = mounts.next(&mount)) > 0) {
    if (mount.id != mount_id) continue;
    Text<PATH_MAX> mount_point;
    add_unescaped(mount_point, mount.mount_point);
    if (mount_point.truncated() || !cut_directory(mount_point.view(), &directory)) return -ENOENT;
    add_unescaped(own, mount.root);
    if (own.view() == "/") own.clear();
    own.add(directory);
    if (own.size() == 0) own.add('/');
    return own.truncated() ? -ENAMETOOLONG : 0;
  }
  return more < 0 ? more : -ENOENT;
}

int read_cgroup_path(pid_t pid, TextBuilder& own) {
  FileBytes cgroups;
  int err = read_proc_file(pid, "cgroup", kMaxSize, &cgroups);
  if (err < 0) return err;
  std::string_view path = path_in_hierarchy(cgroups.view(), "");
  if (!is_visible(path)) return -ENOENT;
  return own.add(path).truncated() ? -ENAMETOOLONG : 0;
}

int find_own_cgroup(TextBuilder& path) {
  Text<PATH_MAX> own;
  int err = read_cgroup_path(getpid(), own);
  return err < 0 ? err : add_path(own.view(), "", path);
}

int read_memory_cgroup_path(pid_t pid, TextBuilder& own) {
  FileBytes cgroups;
  int err = read_proc_file(pid, "cgroup", kMaxSize, &cgroups);
  if (err < 0) return err;
  std::string_view path = path_in_hierarchy(cgroups.view(), "memory");
  bool is_v1 = !path.empty();
  if (!is_v1) path = path_in_hierarchy(cgroups.view(), "");
  if (own.add(path).truncated()) return -ENAMETOOLONG;
  return is_v1 ? 1 : 2;
}

int find_other_memory_cgroup(pid_t pid, std::string_view ours, TextBuilder& path) {
  Text<PATH_MAX> own;
  int version = read_memory_cgroup_path(pid, own);
  if (version < 0) return version;
  if (own.view() == "/" || own.view() == ours) return -ENOENT;
  int err = add_path(own.view(), version == 1 ? "memory" : "", path);
  return err < 0 ? err : version;
}
