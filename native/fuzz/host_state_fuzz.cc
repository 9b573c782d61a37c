// fuzz-sources: native/host/state/state.cc native/common/identity.cc native/host/log.cc native/common/clock.cc
// fuzz-sources: native/common/json.cc native/common/json_parser.cc native/common/json_string.cc
// fuzz-sources: native/common/json_escape.cc native/common/text.cc native/common/files.cc native/common/proc.cc
//
// state.json, any bytes: read into a ContainerState of possible pids only, or refused with a reason; and what was read
// is written and read again as the same.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>

#include "host/state/state.h"

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check_identity(const ProcessIdentity& who) {
  // pidfd_open(2) and kill(2) give 0 and less a meaning of their own.
  require(who.pid > 0);
  require(who.start_time_ticks <= INT64_MAX);
}

void check_lists(const HeapArray<ProcessIdentity>& before, const HeapArray<ProcessIdentity>& after) {
  require(before.size() == after.size());
  for (size_t i = 0; i < before.size(); i++) {
    check_identity(before[i]);
    require(before[i] == after[i]);
  }
}

// One directory in memory for the whole run.
int directory() {
  static char name[] = "/dev/shm/outlive-fuzz-XXXXXX";
  static int fd = -1;
  if (fd < 0) {
    require(mkdtemp(name) != nullptr);
    fd = open_fd(AT_FDCWD, name, O_RDONLY | O_DIRECTORY);
    require(fd >= 0);
    atexit([] {
      unlinkat(fd, "state.json", 0);
      rmdir(name);
    });
  }
  return fd;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Text<4096> error;
  StateFile before;
  require(write_file_atomic(directory(), "state.json", bytes, 0600) == 0);
  int err = before.load(directory(), error);
  // A reason exactly when it was refused.
  require((err < 0) == (error.size() > 0));
  if (err < 0) return 0;

  check_identity(before.state.init);
  require(!save_state(directory(), before.state, error) == (error.size() > 0));
  if (error.size() > 0) return 0;
  StateFile after;
  require(after.load(directory(), error) == 0);
  require(after.state.init == before.state.init);
  require(after.state.id == before.state.id && after.state.bundle == before.state.bundle);
  require(after.state.boot_id == before.state.boot_id);
  check_lists(before.state.execs, after.state.execs);
  check_lists(before.state.adopters, after.state.adopters);
  require(before.state.paused == after.state.paused);
  check_lists(before.state.stopped, after.state.stopped);
  return 0;
}
