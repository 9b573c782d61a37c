#include "host/launch/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstring>

#include "common/files.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;

// close_range(2), or one by one before Linux 5.11 and under a seccomp filter that does not know it.
int close_range_of(int first_fd, bool on_exec) {
  if (syscall(SYS_close_range, static_cast<unsigned>(first_fd), ~0u, on_exec ? kCloseRangeCloexec : 0u) == 0) return 0;
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return -errno;
  while (struct dirent* entry = readdir(dir)) {
    int64_t fd = 0;
    if (!parse_int(entry->d_name, &fd) || fd < first_fd) continue;
    if (on_exec) {
      (void)fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
    } else if (fd != dirfd(dir)) {
      close(static_cast<int>(fd));
    }
  }
  closedir(dir);
  return 0;
}

const char* find_path_variable(const char* const* env) {
  for (; *env != nullptr; env++) {
    if (strncmp(*env, "PATH=", 5) == 0) return *env + 5;
  }
  return nullptr;
}

// What is done with the program's path: -errno, or 0 for done.
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

// Not in this directory; the next may have it.
bool is_elsewhere(int err) {
  return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -ENAMETOOLONG || err == -ELOOP;
}

ExecFailure attempt_program(Attempt attempt, const char* const* args, const char* const* env) {
  const char* program = args[0];
  if (strchr(program, '/') != nullptr) {
    int err = attempt(program, args, env);
    // The same errno when the file is there and its interpreter is not.
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
    if (!is_elsewhere(err) || (err == -ENOENT && exists(path.c_str()))) return {ChildStep::Exec, err};
    at = *end == ':' ? end + 1 : nullptr;
  }
  if (denied < 0) return {ChildStep::Exec, denied};
  return {ChildStep::FindProgram, -ENOENT};
}

}  // namespace

void reset_signals() {
  // The system call itself: libc keeps two signals to itself, and a program may have left them ignored. All zero is
  // SIG_DFL in the kernel's struct sigaction, whose mask is 8 bytes long.
  constexpr size_t kMaskSize = 8;
  unsigned char by_default[64] = {};
  for (int signal = 1; signal <= 64; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    (void)syscall(SYS_rt_sigaction, signal, by_default, nullptr, kMaskSize);
  }
  unsigned char nothing_blocked[kMaskSize] = {};
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing_blocked, nullptr, kMaskSize);
}

int close_descriptors_on_exec() { return close_range_of(3, true); }

int close_descriptors_from(int first_fd) { return close_range_of(first_fd, false); }

ExecFailure exec_program(const char* const* args, const char* const* env) {
  return attempt_program(exec_file, args, env);
}

ExecFailure check_program(const char* const* args, const char* const* env) {
  return attempt_program(check_file, args, env);
}
