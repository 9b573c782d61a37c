// The raw system call with its own struct, which the headers of some C libraries lack.
#include "addon/file_type.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "common/retry.h"

namespace {

constexpr unsigned kMaskType = 1;  // STATX_TYPE

// The kernel's struct statx, as far as its mode.
struct Statx {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t links, uid, gid;
  uint16_t mode, padding;
  uint64_t rest[28];
};
static_assert(sizeof(Statx) == 256, "the size of the kernel's struct statx");

}  // namespace

int file_type(int fd, mode_t* mode) {
  Statx status;
  long result = retried([&] { return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, kMaskType, &status); });
  if (result < 0) return static_cast<int>(result);
  *mode = status.mode;
  return 0;
}
