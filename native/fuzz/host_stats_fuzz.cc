// fuzz-sources: native/host/stats/cgroup.cc native/host/stats/json.cc native/host/state/state.cc
// native/common/identity.cc fuzz-sources: native/host/log.cc native/common/clock.cc native/common/json.cc
// native/common/json_parser.cc fuzz-sources: native/common/json_string.cc native/common/json_escape.cc
// native/common/text.cc native/common/files.cc fuzz-sources: native/common/proc.cc
//
// A cgroup's files, any bytes: what is printed of them is always whole, and JSON.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>

#include "common/json.h"
#include "host/stats/stats.h"

namespace {

constexpr const char* kFiles[] = {"cpu.stat",    "memory.current",  "memory.max", "memory.peak", "memory.swap.current",
                                  "memory.stat", "memory.swap.max", "pids.max",   "io.stat",     "pids.current"};

void require(bool holds) {
  if (!holds) abort();
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
      for (const char* file : kFiles) unlinkat(fd, file, 0);
      rmdir(name);
    });
  }
  return fd;
}

// Each file holds what stands before the next NUL; the last one all that is left.
void write_files(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* file : kFiles) {
    size_t length = rest.find('\0');
    if (length == std::string_view::npos) length = rest.size();
    require(write_file_atomic(directory(), file, {rest.data(), length}, 0600) == 0);
    rest.remove_prefix(length < rest.size() ? length + 1 : length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  write_files(data, size);
  Stats stats;
  add_cgroup_stats(directory(), &stats);
  size_t capacity = stats_json_capacity(stats);
  char* buffer = static_cast<char*>(malloc(capacity));
  if (buffer == nullptr) return 0;
  TextBuilder out(buffer, capacity);
  add_stats_json(out, stats);
  require(!out.truncated());
  JsonDoc doc;
  JsonError wrong;
  require(doc.parse(buffer, out.size(), &wrong));
  free(buffer);
  return 0;
}
