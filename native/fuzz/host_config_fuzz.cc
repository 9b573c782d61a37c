// fuzz-sources: native/host/bundle/config.cc native/host/bundle/fields.cc native/host/bundle/unsupported.cc
// fuzz-sources: native/host/reason.cc native/common/json.cc native/common/json_parser.cc native/common/json_string.cc
// fuzz-sources: native/common/json_escape.cc native/common/text.cc native/common/files.cc
//
// Any bytes as config.json and as process.json: read into a ProcessConfig, or refused with a reason.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "host/bundle/config.h"

namespace {

void read_as(ConfigKind kind, const uint8_t* data, size_t size) {
  char* buffer = static_cast<char*>(malloc(size + 1));
  if (buffer == nullptr) return;
  memcpy(buffer, data, size);
  buffer[size] = '\0';
  {
    ConfigFile config;
    Text<4096> error;
    bool understood = config.parse(buffer, size, "config.json", kind, error);
    // There is a reason if and only if it was refused.
    if (understood != (error.size() == 0)) abort();
    if (understood) {
      const ProcessConfig& process = config.process();
      size_t bytes = strlen(process.cwd);
      // Both lists end with nullptr, and every string ends in NUL.
      for (const char* const* word = process.args.data(); *word != nullptr; word++) bytes += strlen(*word);
      for (const char* const* word = process.env.data(); *word != nullptr; word++) bytes += strlen(*word);
      if (bytes == 0) abort();
    }
  }
  free(buffer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read_as(ConfigKind::Bundle, data, size);
  read_as(ConfigKind::Exec, data, size);
  return 0;
}
