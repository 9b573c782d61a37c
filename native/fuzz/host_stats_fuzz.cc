// fuzz-sources: native/host/stats/cgroup.cc native/host/stats/json.cc native/common/json.cc
// fuzz-sources: native/common/json_parser.cc native/common/json_string.cc native/common/json_escape.cc
// fuzz-sources: native/common/text.cc native/common/files.cc
//
// Any bytes as a cgroup's files: the printed statistics are always complete, and valid JSON.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>

#include "common/json.h"
#include "fuzz/support.h"
#include "host/stats/stats.h"

namespace {

constexpr const char* kFiles[] = {"cpu.stat",    "memory.current",  "memory.max", "memory.peak", "memory.swap.current",
                                  "memory.stat", "memory.swap.max", "pids.max",   "io.stat",     "pids.current"};

int directory() { return memory_directory(kFiles); }

// Each file gets the bytes up to the next NUL.
void write_files(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* file : kFiles) {
    require(write_file_atomic(directory(), file, take_until(&rest, '\0'), 0600) == 0);
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
