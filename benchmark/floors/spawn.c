// spawn <count> <program>: vfork, exec and wait, one after the other; prints the nanoseconds of each, one a line.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static int run_once(char** argv) {
  pid_t pid = vfork();
  if (pid == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  int status;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  for (int i = atoi(argv[1]); i > 0; i--) {
    long long begin = now_ns();
    if (!run_once(argv + 2)) return 1;
    printf("%lld\n", now_ns() - begin);
  }
  return 0;
}
