// fuzz-sources: native/common/json.cc native/common/json_parser.cc native/common/json_string.cc
// fuzz-sources: native/common/json_escape.cc native/common/text.cc
//
// Any bytes and any limit into the JSON escaper: between quotes, the output is a valid document and not longer than the
// limit. Well-formed input that fits is decoded to itself.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/json.h"
#include "common/json_escape.h"
#include "fuzz/support.h"

namespace {

// What the output must mean: the input with U+FFFD in place of each byte that is not part of well-formed UTF-8.
std::string repaired(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    size_t length = utf8_sequence_length(bytes);
    out.append(length == 0 ? std::string_view("\xef\xbf\xbd") : std::string_view(bytes.data(), length));
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  size_t max_bytes = data[0] | static_cast<size_t>(data[1] & 0x0f) << 8;
  std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);

  // Room for exactly the promised bytes and two quotes: ASan and truncated() detect one byte more.
  char* buffer = static_cast<char*>(malloc(max_bytes + 3));
  TextBuilder text(buffer, max_bytes + 3);
  text.add('"');
  add_json_escaped(text, bytes, max_bytes);
  text.add('"');
  require(!text.truncated() && text.size() <= max_bytes + 2);

  size_t written = text.size() - 2;
  JsonDoc doc;
  JsonError error;
  require(doc.parse(buffer, text.size(), &error));
  std::string whole = repaired(bytes);
  std::string_view decoded = doc.root().str();
  require(whole.compare(0, decoded.size(), decoded) == 0);
  // It stops early only if the next character, at most six bytes, does not fit.
  if (decoded.size() < whole.size()) require(written + 6 > max_bytes);
  free(buffer);
  return 0;
}
