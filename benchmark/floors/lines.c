// lines <count>: writes so many lines of 100 bytes to stdout, each with a write of its own, then ends.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char line[100];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (long long left = argc > 1 ? atoll(argv[1]) : 0; left > 0;) {
    ssize_t n = write(1, line, sizeof line);
    if (n < 0 && errno != EINTR) return 1;
    if (n > 0) left--;
  }
  return 0;
}
