// log <file> <writer> <arguments…>: reads what the writer writes from a 1 MiB pipe, and writes it to one file. Prints
// nanoseconds from the writer's start until its last byte is written, and the nanoseconds of its own processor time.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static char buffer[64 * 1024];

int main(int argc, char** argv) {
  int fds[2];
  if (argc < 3 || pipe2(fds, O_CLOEXEC) < 0) return 1;
  (void)fcntl(fds[1], F_SETPIPE_SZ, 1024 * 1024);
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return 1;
  long long begin = now_ns();
  pid_t pid = vfork();
  if (pid == 0) {
    dup2(fds[1], 1);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  if (pid < 0) return 1;
  close(fds[1]);
  for (ssize_t n; (n = read(fds[0], buffer, sizeof buffer)) != 0;) {
    if (n < 0) return 1;
    for (ssize_t done = 0; done < n;) {
      ssize_t written = write(file, buffer + done, (size_t)(n - done));
      if (written < 0) return 1;
      done += written;
    }
  }
  long long took = now_ns() - begin;
  struct timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  printf("%lld %lld\n", took, cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
  return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
