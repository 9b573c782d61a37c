// outlive-shim <container id> <bundle> <runtime>: runs one process through an OCI runtime, adopts it, holds its stdio
// and records how it ended. Its working directory is the process directory. It lives as long as the process. Exit
// status 0: done, or the runtime failed (the reason is in log.json). 1: the reason is in shim-log.json.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "common/descriptors.h"
#include "shim/log.h"
#include "shim/shim.h"

namespace {

constexpr int kEndLimitMs = 10000;  // for a `delete`, and for the end of killed processes

// If we are started without stdio, no file of ours may become descriptor 0, 1 or 2. Any other inherited descriptor is
// closed: we would keep it open for as long as the process lives.
int take_stdio_only() {
  (void)close_descriptors_from(3);
  return fill_standard_descriptors();
}

int fail(JsonLog& log, Shim& shim) {
  log.error(shim.why().view(), shim.spawn_errno());
  return 1;
}

// Has the runtime delete the container. Only if this shim made it: not for `exec`, and only after the runtime
// succeeded.
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
  } else if (shim.mark_deleted() < 0) {
    log.warning(shim.why().view());
  }
}

// Tells the end. A disk that cannot flush is no reason not to tell it.
void record_exit(JsonLog& log, Shim& shim) {
  shim.drain_output();
  if (shim.flush_log() < 0) log.warning(shim.why().view());
  if (shim.write_exit() < 0) return log.error(shim.why().view());
  if (shim.flush_exit() < 0) log.warning(shim.why().view());
  if (shim.publish_exit() < 0) return log.error(shim.why().view());
  shim.end_log();
  if (shim.flush_directory() < 0) log.warning(shim.why().view());
}

// Gives the memory back that deeper calls used of the stack: the start is over, and from now on the shim mostly waits.
// All signals are blocked, so that nothing else uses it.
__attribute__((noinline)) void trim_stack() {
  constexpr uintptr_t kOwnFrames = 512;  // this function's and madvise()'s
  constexpr uintptr_t kDeepest = 96 << 10;
  // The kernel rounds the length up to pages, which have 64 KiB on some machines: what is above `end` is in use.
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  uintptr_t end = (reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) - kOwnFrames) / page * page;
  uintptr_t size = kDeepest / page * page;
  // ENOMEM: the stack is not that large, and all of it that is there was given back.
  (void)madvise(reinterpret_cast<void*>(end - size), size, MADV_DONTNEED);
}

// Removes what a failed start left: the pid file of a process that is not ours, and running processes.
void end_failed_start(Shim& shim) {
  unlink("pid");
  (void)shim.serve_until(&Shim::children_ended, kEndLimitMs);
}

int start(Shim& shim) {
  int err;
  if ((err = shim.check_proc()) < 0) return err;
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
  shim.prepare_identity();
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
  trim_stack();
  if (shim.serve_until(&Shim::process_ended) < 0) return fail(log, shim);
  record_exit(log, shim);
  delete_container(log, shim, false);
  shim.close_exit();
  if (!shim.nothing_held()) {
    shim.begin_linger();
    if (shim.serve_until(&Shim::nothing_held) < 0) return fail(log, shim);
  }
  shim.drain_output();
  return 0;
}
