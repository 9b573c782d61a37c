// The mounts that a process sees: /proc/<pid>/mountinfo, line by line (proc(5)).
#pragma once

#include <cstddef>
#include <string_view>

#include "common/text.h"
#include "common/unique_fd.h"

// A line: "id parent major:minor root mount-point options tags... - type source options". Root and mount point are
// still escaped: add_unescaped().
struct Mount {
  std::string_view id;
  std::string_view root;
  std::string_view mount_point;
  std::string_view type;
  std::string_view options;  // those of the file system
};

Mount parse_mount(std::string_view line);

// Appends a path of mountinfo, in which space, tab, newline and backslash are \ooo.
void add_unescaped(TextBuilder& out, std::string_view text);

// The mount whose root directory is this path: 0 with its root and type as in mountinfo, but not escaped. -errno:
// -EINVAL if the path is no such directory, -ENOSYS before Linux 6.8. By statmount(2), which takes a tenth of the time
// that mountinfo takes.
int read_mount_at(const char* path, TextBuilder& root, TextBuilder& type);

// Reads no further than it is asked for: on a machine with thousands of mounts it takes the kernel milliseconds to
// print all of them, and the cgroups are among the first.
class MountReader {
 public:
  MountReader() = default;
  MountReader(const MountReader&) = delete;
  MountReader& operator=(const MountReader&) = delete;
  ~MountReader();

  // Opens such a file: 0 or -errno.
  int open(const char* path = "/proc/self/mountinfo");
  // 1 if there is one more mount, which is valid until the next call; 0 at the end; or -errno.
  int next(Mount* mount);

 private:
  int fill();

  UniqueFd fd_;
  char* data_ = nullptr;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // what is read, and not yet returned
  size_t end_ = 0;
};
