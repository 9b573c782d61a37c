// fuzz-sources: native/host/bundle/config.cc native/host/bundle/fields.cc native/host/bundle/unsupported.cc
// fuzz-sources: native/host/bundle/limits.cc
// fuzz-sources: native/host/reason.cc native/common/json.cc native/common/json_parser.cc native/common/json_string.cc
// fuzz-sources: native/common/json_escape.cc native/common/text.cc native/common/files.cc
//
// Any bytes as config.json, as process.json and as the resources of `update`: read, or refused with a reason.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "host/bundle/config.h"

namespace {

// What is written to a file: its name, and a value that is not empty.
void check(const Limits& limits) {
  Text<256> name;
  for (const Limit& limit : limits) {
    const char* value = limit.text != nullptr ? limit.text : limit.number;
    if (controller_of(limit).empty() || strchr(limit.file, '/') != nullptr || strlen(value) == 0) abort();
    if (limits.add_name(limit, name).size() == 0) abort();
  }
}

// As the file of `update`.
void read_resources(const uint8_t* data, size_t size) {
  char* buffer = static_cast<char*>(malloc(size + 1));
  if (buffer == nullptr) return;
  memcpy(buffer, data, size);
  buffer[size] = '\0';
  {
    JsonDoc doc;
    JsonError wrong;
    Limits limits;
    Text<4096> error;
    if (doc.parse(buffer, size, &wrong)) {
      if (limits.read(doc.root(), error) != (error.size() == 0)) abort();
      check(limits);
    }
  }
  free(buffer);
}

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
      check(config.limits());
    }
  }
  free(buffer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read_as(ConfigKind::Bundle, data, size);
  read_as(ConfigKind::Exec, data, size);
  read_resources(data, size);
  return 0;
}
