// statx(2), Linux 4.11, by the raw call with the kernel's own struct, which the headers of some C libraries lack.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "common/retry.h"

struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t padding;
};

// The kernel's struct statx, as far as the id of the mount (Linux 5.8).
struct Statx {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t links, uid, gid;
  uint16_t mode, padding;
  uint64_t inode, size, blocks, known_attributes;
  StatxTime accessed, born, changed, modified;
  uint32_t special_major, special_minor, device_major, device_minor;
  uint64_t mount_id;
  uint64_t rest[13];
};
static_assert(sizeof(Statx) == 256, "the size of the kernel's struct statx");

// 0 or -errno.
inline int read_statx(int dir_fd, const char* path, int flags, unsigned mask, Statx* found) {
  return static_cast<int>(retried([&] { return syscall(SYS_statx, dir_fd, path, flags, mask, found); }));
}
