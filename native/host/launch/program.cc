#include "host/launch/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "common/text.h"

namespace {

const char* find_path_variable(const char* const* env) {
  for (; *env != nullptr; env++) {
    if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
  }
  return nullptr;
}

// What to do with a path of the program: 0 or -errno.
using Attempt = int (*)(const char* path, const char* const* args, const char* const* env);

int exec_file(const char* path, const char* const* args, const char* const* env) {
  execve(path, const_cast<char* const*>(args), const_cast<char* const*>(env));
  return -errno;
}

int check_file(const char* path, const char* const*, const char* const*) {
  struct stat st;
  if (stat(path, &st) < 0) return -errno;
  if (!S_ISREG(st.st_mode)) return -EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

bool exists(const char* path) {
  struct stat st;
  return stat(path, &st) == 0;
}

// Errors after which the search goes on to the next directory of PATH.
bool may_be_elsewhere(int err) {
  return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -ENAMETOOLONG || err == -ELOOP;
}

ProgramFailure attempt_program(Attempt attempt, const char* const* args, const char* const* env) {
  const char* program = args[0];
  if (strchr(program, '/') != nullptr) {
    int err = attempt(program, args, env);
    // execve(2) fails with the same errno if the file exists but its interpreter does not.
    bool missing = (err == -ENOENT || err == -ENOTDIR) && !exists(program);
    return {missing ? ChildStep::StatProgram : ChildStep::Exec, err};
  }
  const char* at = find_path_variable(env);
  int denied = 0;
  while (at != nullptr) {
    const char* end = strchrnul(at, ':');
    Text<PATH_MAX> path;
    path.add(std::string_view(at, static_cast<size_t>(end - at)));
    path.add(end == at ? "./" : "/").add(program);
    int err = path.truncated() ? -ENAMETOOLONG : attempt(path.c_str(), args, env);
    if (err == -EACCES && exists(path.c_str())) denied = err;
    if (!may_be_elsewhere(err) || (err == -ENOENT && exists(path.c_str()))) return {ChildStep::Exec, err};
    at = *end == ':' ? end + 1 : nullptr;
  }
  if (denied < 0) return {ChildStep::Exec, denied};
  return {ChildStep::FindProgram, -ENOENT};
}

}  // namespace

ProgramFailure exec_program(const char* const* args, const char* const* env) {
  return attempt_program(exec_file, args, env);
}

ProgramFailure check_program(const char* const* args, const char* const* env) {
  return attempt_program(check_file, args, env);
}
