#include "host/launch/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#include "common/files.h"

namespace {

bool has_exactly(const HeapArray<gid_t>& wanted) {
  HeapArray<gid_t> now;
  int count = getgroups(0, nullptr);
  for (int i = 0; i < count; i++) {
    if (!now.push(0)) return false;
  }
  if (count < 0 || (count > 0 && getgroups(count, now.data()) != count)) return false;
  for (size_t i = 0; i < now.size(); i++) {
    if (!wanted.contains(now[i])) return false;
  }
  for (size_t i = 0; i < wanted.size(); i++) {
    if (!now.contains(wanted[i])) return false;
  }
  return true;
}

// In a user namespace that an unprivileged user made, groups may not be changed at all (user_namespaces(7)).
bool groups_are_denied() {
  FileBytes text;
  return read_file(AT_FDCWD, "/proc/self/setgroups", 64, &text) == 0 && text.view() == "deny\n";
}

}  // namespace

int set_groups(const ProcessConfig& process) {
  if (!process.has_user || has_exactly(process.additional_gids)) return 0;
  bool none = process.additional_gids.empty();
  if (none && geteuid() != 0) return 0;
  if (setgroups(process.additional_gids.size(), process.additional_gids.data()) == 0) return 0;
  return none && errno == EPERM && groups_are_denied() ? 0 : -errno;
}

int set_gid(const ProcessConfig& process) {
  gid_t real = 0, effective = 0, saved = 0;
  if (!process.has_gid) return 0;
  if (getresgid(&real, &effective, &saved) < 0) return -errno;
  if (real == process.gid && effective == process.gid && saved == process.gid) return 0;
  return setresgid(process.gid, process.gid, process.gid) < 0 ? -errno : 0;
}

int set_uid(const ProcessConfig& process) {
  uid_t real = 0, effective = 0, saved = 0;
  if (!process.has_uid) return 0;
  if (getresuid(&real, &effective, &saved) < 0) return -errno;
  if (real == process.uid && effective == process.uid && saved == process.uid) return 0;
  return setresuid(process.uid, process.uid, process.uid) < 0 ? -errno : 0;
}
