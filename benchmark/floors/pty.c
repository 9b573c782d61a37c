// pty <writer> <bytes>: reads what the writer writes on a terminal from its master; prints nanoseconds from its start to
// the last byte.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static char buffer[64 * 1024];

int main(int argc, char** argv) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (argc < 3 || master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) return 1;
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return 1;
  long long left = atoll(argv[2]), begin = now_ns();
  pid_t pid = vfork();
  if (pid == 0) {
    dup2(slave, 1);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  if (pid < 0) return 1;
  while (left > 0) {
    ssize_t n = read(master, buffer, sizeof buffer);
    if (n <= 0) return 1;
    left -= n;
  }
  printf("%lld\n", now_ns() - begin);
  return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
