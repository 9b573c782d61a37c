#include "host/launch/pid_file.h"

#include <fcntl.h>

#include <cstring>

#include "common/files.h"
#include "host/reason.h"

bool write_pid_file(const char* path, pid_t pid, TextBuilder& error) {
  if (path == nullptr) return true;
  const char* slash = strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  Text<4096> directory;
  directory.add(slash == nullptr ? std::string_view(".") : std::string_view(path, static_cast<size_t>(name - path)));
  UniqueFd dir_fd(open_fd(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY));
  Text<24> text;
  text.add_int(pid);
  int err = dir_fd.valid() ? write_file_atomic(dir_fd.get(), name, text.view(), 0600) : dir_fd.get();
  if (err < 0) add_reason(error.add("pid file ").add(path).add(": "), err);
  return err == 0;
}
