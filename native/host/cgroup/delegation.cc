#include "host/cgroup/delegation.h"

#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include <string_view>

#include "common/text.h"

namespace {

bool has_mark(const char* cgroup) {
  // The system's manager marks the cgroup of a unit with Delegate=yes by both; before version 251 only by the second,
  // which only root can read.
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (getxattr(cgroup, name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

bool ends_with(std::string_view name, std::string_view end) {
  if (name.size() < end.size()) return false;
  name.remove_prefix(name.size() - end.size());
  return name == end;
}

bool is_unit(std::string_view name) {
  for (std::string_view type : {".service", ".scope", ".slice", ".socket", ".mount", ".swap"}) {
    if (ends_with(name, type)) return true;
  }
  return false;
}

constexpr std::string_view kOurs = "outlive-";

std::string_view name_of(const char* cgroup) {
  const char* slash = strrchr(cgroup, '/');
  return slash == nullptr ? cgroup : slash + 1;
}

}  // namespace

bool is_own_scope(const char* cgroup) {
  // The library makes its scopes with Delegate=yes. The managers of users set no mark (systemd 252).
  return starts_with(name_of(cgroup), kOurs) && ends_with(name_of(cgroup), ".scope");
}

bool may_use_parent(const char* cgroup) {
  // A process in a container that starts another one must not start it outside of its own limits.
  return !has_mark(cgroup) && !is_unit(name_of(cgroup)) && !starts_with(name_of(cgroup), kOurs);
}

bool is_delegated(const char* cgroup) {
  char up[PATH_MAX];
  size_t size = strlen(cgroup) + 1;
  if (size > sizeof up) return false;
  memcpy(up, cgroup, size);
  // Upwards to the innermost unit. What is outside of it was delegated to other programs.
  while (char* slash = strrchr(up, '/')) {
    if (has_mark(up) || is_own_scope(up)) return true;
    if (is_unit(slash + 1)) return false;
    *slash = '\0';
  }
  return true;
}
