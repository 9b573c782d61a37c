// fuzz-sources: native/shim/config.cc native/shim/runtime.cc native/common/json.cc native/common/json_parser.cc
// fuzz-sources: native/common/json_string.cc native/common/json_escape.cc native/common/text.cc native/common/files.cc
// fuzz-sources: native/common/signals.cc native/common/vfork.cc
//
// Any bytes as process.json: refused with a reason, or read into a config from which both command lines can be built,
// with the expected number of arguments.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "common/files.h"
#include "fuzz/support.h"
#include "shim/config.h"
#include "shim/runtime.h"

namespace {

char directory[] = "/tmp/outlive-fuzz-XXXXXX";

// The shim reads process.json in its working directory. This run gets its own, which is removed at its end.
bool enter_directory() {
  if (mkdtemp(directory) == nullptr || chdir(directory) != 0) return false;
  return atexit([] { rmdir(directory); }) == 0;
}

size_t count_of(const Argv& argv) {
  size_t count = 0;
  while (argv.data()[count] != nullptr) count++;
  return count;
}

void build(ShimConfig* config) {
  for (int i = 0; i < 3; i++) require(config->stdio_path[i] != nullptr && *config->stdio_path[i] != '\0');
  // A checkpoint's config.json is not tested here, and its path could lead to /proc or /dev.
  config->checkpoint = "";
  RuntimeContext context = {"runtime", "id",   "/bundle",
                            "/dir",    config, config->terminal ? "/dir/console.sock" : nullptr};
  size_t extra = config->runtime_args.count();
  Text<512> why;
  Argv start;
  require(build_start_args(context, &start, why) == 0);
  size_t command = config->exec ? 4 : (config->create ? 3 : 4) + (config->no_pivot_root ? 1 : 0);
  size_t expected = 5 + extra + command + (config->terminal ? 2 : 0) + 3;
  require(count_of(start) == expected);
  require(strcmp(start.data()[expected - 1], "id") == 0);
  Argv end;
  require(build_delete_args(context, true, &end) == 0);
  require(count_of(end) == 5 + extra + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool entered = enter_directory();
  require(entered);
  int fd = open_fd(AT_FDCWD, "process.json", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  require(fd >= 0 && write_all(fd, {reinterpret_cast<const char*>(data), size}) == 0);
  close(fd);
  ShimConfig config;
  Text<512> why;
  int err = load_config(&config, why);
  require(err <= 0);
  require((err < 0) == (why.size() > 0));
  if (err == 0) build(&config);
  unlink("process.json");
  return 0;
}
