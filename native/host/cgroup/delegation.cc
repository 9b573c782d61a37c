#include "host/cgroup/delegation.h"

#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include <string_view>

namespace {

bool has_mark(const char* cgroup) {
  // systemd marks the cgroup of a unit with Delegate=yes by both; before version 251 only by the second, which only
  // root can read.
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (getxattr(cgroup, name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

bool is_unit(std::string_view name) {
  for (std::string_view type : {".service", ".scope", ".slice", ".socket", ".mount", ".swap"}) {
    if (name.size() <= type.size()) continue;
    std::string_view end = name;
    end.remove_prefix(name.size() - type.size());
    if (end == type) return true;
  }
  return false;
}

}  // namespace

bool is_delegated(const char* cgroup) {
  char up[PATH_MAX];
  size_t size = strlen(cgroup) + 1;
  if (size > sizeof up) return false;
  memcpy(up, cgroup, size);
  // Upwards to the innermost unit. What is outside of it was delegated to other programs.
  while (char* slash = strrchr(up, '/')) {
    if (has_mark(up)) return true;
    if (is_unit(slash + 1)) return false;
    *slash = '\0';
  }
  return true;
}
