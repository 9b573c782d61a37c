// A runtime that does nothing, with runc's command line: `run` (and `create`, for conmon) vforks the command that <bundle>/command holds (one
// argument a line), writes the pid file and leaves; `delete` is done at once; `state` knows no container. With
// `--stamp <file>` before the command it writes there when the pid file was visible (CLOCK_MONOTONIC, nanoseconds).
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static char text[4096];

static const char* option(char** argv, const char* name) {
  for (; argv[0] && argv[1]; argv++)
    if (strcmp(argv[0], name) == 0) return argv[1];
  return NULL;
}

static int has(char** argv, const char* word) {
  for (; *argv; argv++)
    if (strcmp(*argv, word) == 0) return 1;
  return 0;
}

static int read_command(const char* bundle, char** args, int max) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/command", bundle);
  int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return -1;
  close(fd);
  for (char* line = strtok(text, "\n"); line && n < max - 1; line = strtok(NULL, "\n")) args[n++] = line;
  args[n] = NULL;
  return n > 0 ? 0 : -1;
}

static int write_pid(const char* path, pid_t pid) {
  char temp[PATH_MAX], digits[24];
  snprintf(temp, sizeof temp, "%s.new", path);
  int length = snprintf(digits, sizeof digits, "%d", pid);
  int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, digits, length) != length || close(fd) < 0) return -1;
  return rename(temp, path);
}

int main(int argc, char** argv) {
  char* args[32];
  const char *bundle = option(argv, "--bundle"), *pid_file = option(argv, "--pid-file");
  const char* stamp = option(argv, "--stamp");
  if (argc < 2 || has(argv, "state")) return 1;
  if (!has(argv, "run") && !has(argv, "create")) return has(argv, "delete") ? 0 : 1;
  if (!bundle || !pid_file || read_command(bundle, args, 32) < 0) return 1;
  int stamp_fd = stamp ? open(stamp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  pid_t pid = vfork();
  if (pid == 0) {
    execv(args[0], args);
    _exit(127);
  }
  if (pid < 0 || write_pid(pid_file, pid) < 0) return 1;
  if (stamp_fd >= 0) dprintf(stamp_fd, "%lld", now_ns());
  return 0;
}
