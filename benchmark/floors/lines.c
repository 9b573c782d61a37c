// lines <count> [a second]: writes so many lines of 100 bytes to stdout, each with a write of its own, then ends; with
// a second number at this pace.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

static void sleep_until(long long ns) {
  struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
}

int main(int argc, char** argv) {
  char line[100];
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  long long count = argc > 1 ? atoll(argv[1]) : 0, pace = argc > 2 ? atoll(argv[2]) : 0, begin = now_ns();
  for (long long done = 0; done < count;) {
    if (pace > 0) sleep_until(begin + done * 1000000000LL / pace);
    ssize_t n = write(1, line, sizeof line);
    if (n < 0 && errno != EINTR) return 1;
    if (n > 0) done++;
  }
  return 0;
}
