// Writes an output log by the shim's own code, with a clock that the caller sets: the machine's clock belongs to other
// programs. Usage: <directory> <max bytes> <segment bytes> <action>…, in this order of time:
//   clock=<microseconds since 1970>   out=<text>   err=<text>   end=<status>
#include <string_view>

#include "common/clock.h"
#include "common/text.h"
#include "shim/output_log.h"

namespace {

int64_t clock_us = 0;

bool perform(OutputLog& log, std::string_view action) {
  size_t equals = action.find('=');
  if (equals == std::string_view::npos) return false;
  std::string_view name = action.substr(0, equals);
  std::string_view value = action.substr(equals + 1);
  int64_t number = 0;
  if (name == "out") {
    log.write(LogKind::Stdout, value);
  } else if (name == "err") {
    log.write(LogKind::Stderr, value);
  } else if (name == "clock" && parse_int(value, &number)) {
    clock_us = number;
  } else if (name == "end" && parse_int(value, &number)) {
    log.end(static_cast<int>(number));
  } else {
    return false;
  }
  return true;
}

}  // namespace

// In place of common/clock.cc.
int64_t realtime_us() { return clock_us; }
int64_t monotonic_ms() { return 1; }

int main(int argc, char** argv) {
  LogConfig config;
  int64_t max_bytes = 0;
  int64_t segment_bytes = 0;
  if (argc < 4 || !parse_int(argv[2], &max_bytes) || !parse_int(argv[3], &segment_bytes)) return 2;
  config.dir = argv[1];
  config.max_bytes = static_cast<uint64_t>(max_bytes);
  config.segment_bytes = static_cast<uint64_t>(segment_bytes);
  OutputLog log;
  if (log.open(config) < 0) return 1;
  for (int i = 4; i < argc; i++) {
    if (!perform(log, argv[i])) return 2;
  }
  return 0;
}
