#include "shim/program.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/files.h"

void HeldProgram::open(const char* path) {
  path_ = path;
  if (strchr(path, '/') != nullptr) fd_.reset(open_fd(AT_FDCWD, path, O_PATH));
}

const char* HeldProgram::path() {
  struct stat held;
  struct stat now;
  if (!fd_.valid() || fstat(fd_.get(), &held) < 0) return path_;
  if (stat(path_, &now) == 0 && now.st_dev == held.st_dev && now.st_ino == held.st_ino) return path_;
  // By our pid and not /proc/self: the interpreter of a script opens this path too, and has no copy of the descriptor.
  held_path_.clear();
  held_path_.add("/proc/").add_int(getpid()).add("/fd/").add_int(fd_.get());
  return held_path_.c_str();
}
