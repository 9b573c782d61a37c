// fuzz-sources: native/host/state/state.cc native/host/reason.cc native/common/json.cc native/common/json_parser.cc
// fuzz-sources: native/common/json_string.cc native/common/json_escape.cc native/common/text.cc native/common/files.cc
// fuzz-sources: native/common/identity.cc native/common/pidfd.cc native/common/proc.cc
//
// Any bytes as state.json: read into a ContainerState with valid pids only, or refused with a reason. What was read is
// the same after it is written and read again.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>

#include "fuzz/support.h"
#include "host/state/state.h"

namespace {

void check_identity(const ProcessIdentity& who) {
  // To kill(2), 0 and negative numbers are no pids of one process.
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

constexpr const char* kFiles[] = {"state.json"};

int directory() { return memory_directory(kFiles); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Text<4096> error;
  StateFile before;
  require(write_file_atomic(directory(), "state.json", bytes, 0600) == 0);
  int err = before.load(directory(), error);
  // There is a reason if and only if it was refused.
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
