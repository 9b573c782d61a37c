// An access control list of one more user: acl(5).
#pragma once

#include <sys/types.h>

// Lets a user read and write a file, whoever is its owner later. A file that has a list already keeps that. 0 or -errno
// (ENOTSUP where the file system has none).
int allow_user(int fd, uid_t uid);
