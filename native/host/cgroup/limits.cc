#include "host/cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "common/files.h"
#include "host/cgroup/cgroup.h"
#include "host/cgroup/controllers.h"

namespace {

constexpr size_t kMaxFile = 1u << 16;

// All files are tried before the first is written. The kernel's file is missing for a feature that it does not have.
bool check_files(int cgroup_fd, const Limits& limits, Reason& error) {
  for (const Limit& limit : limits) {
    UniqueFd fd(open_fd(cgroup_fd, limit.file, O_WRONLY));
    if (!fd.valid()) return refuse_call(limits, limit, fd.get(), "open", limit.file, error);
  }
  return true;
}

int write_limit(int cgroup_fd, const Limit& limit) {
  Text<128> both;
  std::string_view value = limit.text != nullptr ? limit.text : limit.number;
  if (limit.keeps_first_word) {
    FileBytes text;
    int err = read_file(cgroup_fd, limit.file, kMaxFile, &text);
    if (err < 0) return err;
    std::string_view rest = text.view();
    value = both.add(take_word(&rest)).add(' ').add(value).view();
  }
  UniqueFd fd(open_fd(cgroup_fd, limit.file, O_WRONLY));
  return fd.valid() ? write_all(fd.get(), value) : fd.get();
}

bool set_limits(int cgroup_fd, const Limits& limits, Reason& error) {
  if (!check_files(cgroup_fd, limits, error)) return false;
  for (const Limit& limit : limits) {
    int err = write_limit(cgroup_fd, limit);
    if (err == 0) continue;
    error.call.err = -err;
    error.call.name = "write";
    error.call.path.add(limit.file);
    limits.add_name(limit, error).add(": the kernel refuses \"").add(limit.text != nullptr ? limit.text : limit.number);
    add_reason(error.add("\" for ").add(limit.file).add(": "), err);
    return false;
  }
  return true;
}

}  // namespace

bool create_limited_cgroup(int container_fd, const char* id, const Limits& limits, UniqueFd* cgroup_fd, Reason& error) {
  Text<PATH_MAX> parent;
  if (!find_limits_parent(limits, parent, error) || !enable_controllers(parent.c_str(), limits, error)) return false;
  int err = create_cgroup_below(parent.c_str(), container_fd, id, cgroup_fd);
  if (err < 0) return refuse_call(limits, *limits.begin(), err, "mkdir", parent.c_str(), error);
  if (set_limits(cgroup_fd->get(), limits, error)) return true;
  cgroup_fd->reset();
  (void)remove_cgroup(container_fd);
  return false;
}

bool change_limits(int container_fd, const Limits& limits, Reason& error) {
  Text<PATH_MAX> parent;
  UniqueFd cgroup_fd;
  int err = open_cgroup(container_fd, &cgroup_fd);
  if (err == 0) err = find_parent_cgroup(container_fd, parent);
  if (err < 0) {
    refuse_limit(limits, *limits.begin(), error).add("the container has no cgroup of its own: ");
    error.add("start it with resources, or in a scope (docs/host-runtime.md, \"Limits\")");
    return false;
  }
  return enable_controllers(parent.c_str(), limits, error) && set_limits(cgroup_fd.get(), limits, error);
}
