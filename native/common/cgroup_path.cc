#include "common/cgroup_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "common/proc.h"

namespace {

constexpr size_t kMaxSize = 4u << 20;

// mountinfo escapes space, tab, newline and backslash as \ooo.
void add_unescaped(TextBuilder& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.add(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.add(text[i]);
    }
  }
}

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

// A mountinfo line is "id parent major:minor root mount-point options tags... - type source options". `own` is the
// path from the hierarchy's root; it is visible in the mount only if the mount's root is above it. A v1 hierarchy has
// its controllers among the options.
bool add_path_in_mount(std::string_view line, std::string_view own, std::string_view controller, TextBuilder& path) {
  Text<PATH_MAX> root;
  std::string_view mount_point;
  for (int field = 1; field <= 5; field++) {
    std::string_view word = take_until(&line, ' ');
    if (field == 4) add_unescaped(root, word);
    if (field == 5) mount_point = word;
  }
  while (!line.empty() && take_until(&line, ' ') != "-") continue;
  std::string_view type = take_until(&line, ' ');
  take_until(&line, ' ');
  if (controller.empty() ? type != "cgroup2" : type != "cgroup" || !has_item(line, controller)) return false;
  if (root.truncated()) return false;
  if (root.view() != "/") {
    if (!starts_with(own, root.view())) return false;
    own.remove_prefix(root.size());
    if (!own.empty() && own[0] != '/') return false;
  }
  add_unescaped(path, mount_point);
  if (own != "/") path.add(own);
  return true;
}

// Finds the mount that the path is in. 0 or -errno.
int add_path(std::string_view own, std::string_view controller, TextBuilder& path) {
  // A path that starts with "/.." is outside of our cgroup namespace.
  if (own.empty() || starts_with(own, "/..")) return -ENOENT;
  FileBytes mounts;
  int err = read_file(AT_FDCWD, "/proc/self/mountinfo", kMaxSize, &mounts);
  return err < 0 ? err : find_in_mounts(mounts.view(), own, controller, path);
}

}  // namespace

int find_in_mounts(std::string_view mountinfo, std::string_view own, std::string_view controller, TextBuilder& path) {
  while (!mountinfo.empty()) {
    std::string_view line = take_until(&mountinfo, '\n');
    if (add_path_in_mount(line, own, controller, path)) return path.truncated() ? -ENAMETOOLONG : 0;
  }
  return -ENOENT;
}

int find_cgroup_of(pid_t pid, TextBuilder& path) {
  FileBytes cgroups;
  int err = read_proc_file(pid, "cgroup", kMaxSize, &cgroups);
  return err < 0 ? err : add_path(path_in_hierarchy(cgroups.view(), ""), "", path);
}

int find_own_cgroup(TextBuilder& path) { return find_cgroup_of(getpid(), path); }

int find_other_memory_cgroup(pid_t pid, TextBuilder& path) {
  FileBytes theirs, ours;
  int err = read_proc_file(pid, "cgroup", kMaxSize, &theirs);
  if (err == 0) err = read_proc_file(getpid(), "cgroup", kMaxSize, &ours);
  if (err < 0) return err;
  std::string_view controller = path_in_hierarchy(theirs.view(), "memory").empty() ? "" : "memory";
  std::string_view own = path_in_hierarchy(theirs.view(), controller);
  if (own == "/" || own == path_in_hierarchy(ours.view(), controller)) return -ENOENT;
  if ((err = add_path(own, controller, path)) < 0) return err;
  return controller.empty() ? 2 : 1;
}
