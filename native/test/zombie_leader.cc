// outlive-test-zombie-leader: a process whose main thread has ended while another one runs on, so that /proc says Z of
// it. The other thread reads stdin to its end, and exits with status 9; if there is an argument, it waits for a signal
// instead.
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

void* work(void* waits) {
  if (waits != nullptr) pause();
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  exit(9);
}

}  // namespace

int main(int argc, char** argv) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, work, argc > 1 ? argv[1] : nullptr) != 0) return 1;
  // Ends this thread only; pthread_exit(3) would need libgcc_s, which a static program does not have.
  syscall(SYS_exit, 0);
}
