#include "host/cgroup/controllers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "common/cgroup_path.h"
#include "common/files.h"
#include "common/pid_directory.h"
#include "common/proc.h"
#include "host/cgroup/cgroup.h"
#include "host/cgroup/delegation.h"

namespace {

constexpr size_t kMaxFile = 1u << 20;
constexpr int kMaxMoves = 100;
constexpr char kShims[] = "shim";
constexpr char kAvailable[] = "cgroup.controllers";
constexpr char kEnabled[] = "cgroup.subtree_control";
constexpr char kAdvice[] = "give the container scope: 'systemd' (docs/host-runtime.md, \"Limits\")";

bool has_word(std::string_view text, std::string_view word) {
  for (std::string_view next = take_word(&text); !next.empty(); next = take_word(&text)) {
    if (next == word) return true;
  }
  return false;
}

// The first limit that needs a controller, or else nullptr: cgroup.max.* are in every cgroup.
const Limit* first_controlled(const Limits& limits) {
  for (const Limit& limit : limits) {
    if (controller_of(limit) != "cgroup") return &limit;
  }
  return nullptr;
}

// The root of the hierarchy is the only cgroup without a type. It may have processes beside controllers.
bool is_hierarchy_root(const char* cgroup) {
  Text<PATH_MAX> type;
  struct stat st;
  type.add(cgroup).add("/cgroup.type");
  return stat(type.c_str(), &st) < 0 && errno == ENOENT;
}

bool is_cgroup2(const char* path) {
  struct statfs fs;
  return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int move_all(int from_fd, int to_fd) {
  FileBytes text;
  HeapArray<pid_t> pids;
  int err = read_file(from_fd, "cgroup.procs", kMaxFile, &text);
  if (err == 0) err = add_pids(text.view(), &pids);
  for (pid_t pid : pids) {
    if (err < 0) break;
    err = enter_cgroup(to_fd, pid);
    if (err == -ESRCH) err = 0;
  }
  return err < 0 ? err : static_cast<int>(pids.size());
}

// Moves the processes of a scope of ours to a cgroup below it, until none is left: one may be made meanwhile.
int empty_scope(int scope_fd) {
  if (mkdirat(scope_fd, kShims, 0755) < 0 && errno != EEXIST) return -errno;
  UniqueFd shims_fd(open_fd(scope_fd, kShims, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!shims_fd.valid()) return shims_fd.get();
  int moved = 1;
  for (int tries = 0; moved > 0 && tries < kMaxMoves; tries++) moved = move_all(scope_fd, shims_fd.get());
  return moved < 0 ? moved : 0;
}

int enable(int cgroup_fd, std::string_view controller) {
  UniqueFd fd(open_fd(cgroup_fd, kEnabled, O_WRONLY));
  if (!fd.valid()) return fd.get();
  Text<128> text;
  text.add('+').add(controller);
  return write_all(fd.get(), text.view());
}

bool refuse_busy(const Limits& limits, const Limit& limit, const char* parent, Reason& error) {
  refuse_limit(limits, limit, error).add("the cgroup ").add(parent);
  error.add(" has processes, so the kernel gives those below it no controller: ").add(kAdvice);
  error.add(", or run the supervisor in a cgroup of its own below that");
  return false;
}

bool refuse_missing(const Limits& limits, const Limit& limit, const char* parent, std::string_view has, Reason& error) {
  refuse_limit(limits, limit, error).add("cgroup v2 has no controller ").add(controller_of(limit));
  std::string_view line = take_until(&has, '\n');
  error.add(" in ").add(parent).add(", only: ").add(line.empty() ? "none" : line);
  return false;
}

}  // namespace

TextBuilder& refuse_limit(const Limits& limits, const Limit& limit, Reason& error) {
  error.code = "ERR_LIMITS_UNAVAILABLE";
  return limits.add_name(limit, error).add(" cannot be set: ");
}

bool refuse_call(const Limits& limits, const Limit& limit, int err, const char* call, const char* path, Reason& error) {
  error.call.err = err < 0 ? -err : err;
  error.call.name = call;
  error.call.path.clear();
  error.call.path.add(path);
  add_reason(refuse_limit(limits, limit, error).add(call).add(' ').add(path).add(": "), err);
  if (err == -EACCES || err == -EPERM) error.add(": ").add(kAdvice);
  return false;
}

bool find_limits_parent(const Limits& limits, TextBuilder& parent, Reason& error) {
  const Limit& first = *limits.begin();
  Text<PATH_MAX> own;
  int err = find_own_cgroup(own);
  if (err < 0) {
    add_reason(refuse_limit(limits, first, error).add("no cgroup v2: "), err);
    return false;
  }
  if (!is_delegated(own.c_str())) {
    refuse_limit(limits, first, error).add("the unit of systemd with the cgroup ").add(own.view());
    error.add(" has no Delegate=yes: ").add(kAdvice);
    return false;
  }
  parent.add(own.view());
  // We are in it, so it can have no controllers enabled unless it is one of these.
  if (first_controlled(limits) == nullptr || is_own_scope(own.c_str()) || is_hierarchy_root(own.c_str())) return true;
  const char* slash = strrchr(own.c_str(), '/');
  Text<PATH_MAX> up;
  up.add(std::string_view(own.c_str(), static_cast<size_t>(slash - own.c_str())));
  if (!may_use_parent(own.c_str()) || !is_cgroup2(up.c_str())) {
    return refuse_busy(limits, *first_controlled(limits), own.c_str(), error);
  }
  parent.clear();
  parent.add(up.view());
  return true;
}

bool enable_controllers(const char* parent, const Limits& limits, Reason& error) {
  if (first_controlled(limits) == nullptr) return true;
  Text<PATH_MAX> file;
  FileBytes available, enabled;
  UniqueFd parent_fd(open_fd(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY));
  int err = parent_fd.valid() ? read_file(parent_fd.get(), kAvailable, kMaxFile, &available) : parent_fd.get();
  if (err == 0) err = read_file(parent_fd.get(), kEnabled, kMaxFile, &enabled);
  if (err < 0) return refuse_call(limits, *first_controlled(limits), err, "open", parent, error);
  for (const Limit& limit : limits) {
    if (controller_of(limit) == "cgroup" || has_word(available.view(), controller_of(limit))) continue;
    return refuse_missing(limits, limit, parent, available.view(), error);
  }
  file.add(parent).add('/').add(kEnabled);
  for (const Limit& limit : limits) {
    if (controller_of(limit) == "cgroup" || has_word(enabled.view(), controller_of(limit))) continue;
    err = enable(parent_fd.get(), controller_of(limit));
    if (err == -EBUSY && is_own_scope(parent)) {
      err = empty_scope(parent_fd.get());
      if (err == 0) err = enable(parent_fd.get(), controller_of(limit));
    }
    if (err == -EBUSY) return refuse_busy(limits, limit, parent, error);
    if (err < 0) return refuse_call(limits, limit, err, "write", file.c_str(), error);
  }
  return true;
}
