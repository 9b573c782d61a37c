#include "host/cgroup/events.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>

#include "common/clock.h"

int has_event(int events_fd, const char* line) {
  char text[256];
  ssize_t n = pread(events_fd, text, sizeof text - 1, 0);
  if (n < 0) return -errno;
  text[n] = '\0';
  return strstr(text, line) != nullptr ? 1 : 0;
}

int wait_for_event(int events_fd, const char* line, int64_t deadline_ms) {
  for (;;) {
    int found = has_event(events_fd, line);
    if (found != 0) return found < 0 ? found : 0;
    struct pollfd change = {events_fd, POLLPRI, 0};
    if (poll(&change, 1, ms_until(deadline_ms)) == 0) return -ETIMEDOUT;
  }
}
