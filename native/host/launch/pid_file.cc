#include "host/launch/pid_file.h"

#include <fcntl.h>

#include <cstring>

#include "common/files.h"
#include "host/launch/console.h"
#include "host/log.h"

bool check_terminal(const CommandLine& line, const ProcessConfig& process, TextBuilder& error) {
  if (process.terminal && line.console_socket == nullptr) {
    error.add("process.terminal is true: a detached process needs --console-socket for its terminal");
  } else if (!process.terminal && line.console_socket != nullptr) {
    error.add("--console-socket is of no use: process.terminal is not true");
  }
  return error.size() == 0;
}

bool open_terminal(const CommandLine& line, const ProcessConfig& process, UniqueFd* terminal_fd, TextBuilder& error) {
  return !process.terminal || open_console(process, line.console_socket, terminal_fd, error);
}

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
