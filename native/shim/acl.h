// Access control lists (acl(5)): one more user for a file.
#pragma once

#include <sys/types.h>

// Lets a user read and write a file, whoever owns it later. A file that already has a list keeps it. 0 or -errno
// (ENOTSUP if the file system has no lists).
int allow_user(int fd, uid_t uid);
