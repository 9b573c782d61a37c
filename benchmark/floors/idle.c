// Floor of an idle shim, and the process that the other measurements supervise: sits in epoll_wait for ever.
#include <sys/epoll.h>

int main(void) {
  struct epoll_event event;
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return 1;
  for (;;) (void)epoll_wait(epoll_fd, &event, 1, -1);
}
