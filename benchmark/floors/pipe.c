// pipe <writer> <bytes>: reads what the writer writes from a 1 MiB pipe; prints nanoseconds from its start to the last
// byte, and the pipe's size as the kernel granted it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static char buffer[1024 * 1024];

int main(int argc, char** argv) {
  int fds[2];
  if (argc < 3 || pipe2(fds, O_CLOEXEC) < 0) return 1;
  (void)fcntl(fds[1], F_SETPIPE_SZ, 1024 * 1024);
  long long left = atoll(argv[2]), begin = now_ns();
  pid_t pid = vfork();
  if (pid == 0) {
    dup2(fds[1], 1);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  if (pid < 0) return 1;
  int size = fcntl(fds[1], F_GETPIPE_SZ);
  close(fds[1]);
  while (left > 0) {
    ssize_t n = read(fds[0], buffer, sizeof buffer);
    if (n <= 0) return 1;
    left -= n;
  }
  printf("%lld %d\n", now_ns() - begin, size);
  return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
