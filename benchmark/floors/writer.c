// writer <bytes>: writes so many bytes to stdout in blocks of 256 KiB, without newlines, then ends.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[256 * 1024];

int main(int argc, char** argv) {
  long long left = argc > 1 ? atoll(argv[1]) : 0;
  memset(block, 'x', sizeof block);
  while (left > 0) {
    ssize_t n = write(1, block, left < (long long)sizeof block ? (size_t)left : sizeof block);
    if (n < 0 && errno != EINTR) return 1;
    if (n > 0) left -= n;
  }
  return 0;
}
