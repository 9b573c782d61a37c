#include "host/cgroup/path.h"

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

// A mountinfo line is "id parent major:minor root mount-point options tags... - type source options". `own` is the
// path from the hierarchy's root; it is visible in the mount only if the mount's root is above it.
bool add_path_in_mount(std::string_view line, std::string_view own, TextBuilder& path) {
  Text<PATH_MAX> root;
  std::string_view mount_point;
  for (int field = 1; field <= 5; field++) {
    std::string_view word = take_until(&line, ' ');
    if (field == 4) add_unescaped(root, word);
    if (field == 5) mount_point = word;
  }
  while (!line.empty() && take_until(&line, ' ') != "-") continue;
  if (take_until(&line, ' ') != "cgroup2") return false;
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

}  // namespace

int find_in_mounts(std::string_view mountinfo, std::string_view own, TextBuilder& path) {
  while (!mountinfo.empty()) {
    if (add_path_in_mount(take_until(&mountinfo, '\n'), own, path)) return path.truncated() ? -ENAMETOOLONG : 0;
  }
  return -ENOENT;
}

int find_cgroup_of(pid_t pid, TextBuilder& path) {
  FileBytes cgroups, mounts;
  int err = read_proc_file(pid, "cgroup", kMaxSize, &cgroups);
  if (err < 0) return err;
  std::string_view own;
  for (std::string_view rest = cgroups.view(); !rest.empty();) {
    std::string_view line = take_until(&rest, '\n');
    if (!starts_with(line, "0::/")) continue;
    line.remove_prefix(3);
    own = line;
  }
  // A path that starts with "/.." is outside of our cgroup namespace.
  if (own.empty() || starts_with(own, "/..")) return -ENOENT;
  err = read_file(AT_FDCWD, "/proc/self/mountinfo", kMaxSize, &mounts);
  return err < 0 ? err : find_in_mounts(mounts.view(), own, path);
}

int find_own_cgroup(TextBuilder& path) { return find_cgroup_of(getpid(), path); }
