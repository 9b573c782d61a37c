// members <count>: has so many children, who sleep for ever as it does itself.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  for (int i = argc < 2 ? 0 : atoi(argv[1]); i > 0; i--) {
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid == 0) break;
  }
  for (;;) pause();
}
