// outlive-shim <container id> <bundle> <runtime>: runs one process through an OCI runtime, adopts it, holds its stdio
// and records how it ended. Its working directory is the process directory; its lifetime is the process's.
// Exit 0: done, or the runtime failed (the reason is in log.json); exit 1: shim-log.json says why.
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/files.h"
#include "common/log.h"
#include "shim/shim.h"

namespace {

constexpr int kEndLimitMs = 10000;  // for a delete, and for killed processes to be gone

// Whoever started us without stdio must not make a state file descriptor 0, 1 or 2; and what else we were handed we
// would keep open for as long as the process lives.
int take_stdio_only() {
  (void)syscall(SYS_close_range, 3u, ~0u, 0u);
  for (;;) {
    int fd = open_fd(AT_FDCWD, "/dev/null", O_RDWR);
    if (fd < 0) return fd;
    if (fd > 2) return close(fd);
    if (fcntl(fd, F_SETFD, 0) < 0) return -errno;
  }
}

int fail(JsonLog& log, Shim& shim) {
  log.error(shim.why().view());
  return 1;
}

// Takes away what the runtime made or left of the container. Our own container only: run, exec and restore of this shim
// had succeeded.
void delete_container(JsonLog& log, Shim& shim, bool force) {
  if (shim.is_exec()) return;
  if (shim.start_delete(force) < 0) {
    log.warning(shim.why().view());
    return;
  }
  if (shim.serve_until(&Shim::runtime_ended, kEndLimitMs) < 0) {
    log.warning("the runtime's delete did not end in 10 s");
    shim.kill_delete();
    (void)shim.serve_until(&Shim::runtime_ended, kEndLimitMs);
  } else if (shim.runtime_wait_status() != 0) {
    log.warning("the runtime's delete failed (see log.json)");
  }
}

// Nothing of it stays: neither a pid that is no process of ours, nor what the runtime left running.
void end_failed_start(Shim& shim) {
  unlink("pid");
  (void)shim.serve_until(&Shim::children_ended, kEndLimitMs);
}

int start(Shim& shim) {
  int err;
  if ((err = shim.block_signals()) < 0) return err;
  if ((err = shim.become_subreaper()) < 0) return err;
  if ((err = shim.open_state_fifos()) < 0) return err;
  if ((err = shim.load()) < 0) return err;
  if ((err = shim.reserve_exit_status()) < 0) return err;
  if ((err = shim.open_process_stdio()) < 0) return err;
  return shim.start_runtime();
}

}  // namespace

int main(int argc, char** argv) {
  if (take_stdio_only() < 0) return 1;
  JsonLog log;
  if (log.open("shim-log.json") < 0) return 1;
  if (argc != 4) {
    log.error("usage: outlive-shim <container id> <bundle> <runtime>");
    return 1;
  }
  Shim shim(argv[1], argv[2], argv[3]);
  if (start(shim) < 0) return fail(log, shim);
  if (shim.serve_until(&Shim::runtime_ended) < 0) return fail(log, shim);
  if (shim.runtime_wait_status() != 0) {
    Text<128> how;
    int status = shim.runtime_wait_status();
    how.add("the runtime ").add(WIFSIGNALED(status) ? "was killed by signal " : "exited with status ");
    log.warning(how.add_int(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)).view());
    end_failed_start(shim);
    return 0;
  }
  if (shim.adopt_process() < 0) {
    log.error(shim.why().view());
    delete_container(log, shim, true);
    end_failed_start(shim);
    return 1;
  }
  if (shim.record_identity() < 0) log.warning(shim.why().view());
  if (shim.serve_until(&Shim::process_ended) < 0) return fail(log, shim);
  if (shim.record_exit() < 0) log.error(shim.why().view());
  delete_container(log, shim, false);
  shim.close_exit();
  if (shim.nothing_held()) return 0;
  shim.begin_linger();
  return shim.serve_until(&Shim::nothing_held) < 0 ? fail(log, shim) : 0;
}
