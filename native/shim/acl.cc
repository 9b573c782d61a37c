#include "shim/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cstdint>

namespace {

constexpr const char* kName = "system.posix_acl_access";

// The kernel's format: a header and entries, little-endian, in this order of tags.
struct Acl {
  struct posix_acl_xattr_header header;
  struct posix_acl_xattr_entry entries[5];
};

struct posix_acl_xattr_entry entry(int tag, unsigned permissions, unsigned id) {
  struct posix_acl_xattr_entry made = {};
  made.e_tag = htole16(static_cast<uint16_t>(tag));
  made.e_perm = htole16(static_cast<uint16_t>(permissions & 7));
  made.e_id = htole32(id);
  return made;
}

}  // namespace

int allow_user(int fd, uid_t uid) {
  struct stat st;
  if (fstat(fd, &st) < 0) return -errno;
  if (fgetxattr(fd, kName, nullptr, 0) >= 0) return 0;
  if (errno != ENODATA) return -errno;
  constexpr unsigned kReadWrite = ACL_READ | ACL_WRITE;
  unsigned no_id = static_cast<unsigned>(ACL_UNDEFINED_ID);
  unsigned group = st.st_mode >> 3;
  Acl acl = {};
  acl.header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
  acl.entries[0] = entry(ACL_USER_OBJ, st.st_mode >> 6, no_id);
  acl.entries[1] = entry(ACL_USER, kReadWrite, uid);
  acl.entries[2] = entry(ACL_GROUP_OBJ, group, no_id);
  acl.entries[3] = entry(ACL_MASK, group | kReadWrite, no_id);
  acl.entries[4] = entry(ACL_OTHER, st.st_mode, no_id);
  return fsetxattr(fd, kName, &acl, sizeof acl, 0) < 0 ? -errno : 0;
}
