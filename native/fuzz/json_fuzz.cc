// fuzz-sources: native/common/json.cc native/common/json_parser.cc native/common/json_string.cc
// fuzz-sources: native/common/json_escape.cc native/common/text.cc
//
// Any bytes into the JSON reader: it stays inside the buffer, its accessors agree with each other, and what it accepted
// is the same after it is written as compact JSON and read again.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/json.h"
#include "common/text.h"
#include "fuzz/support.h"
#include "test/json_write.h"

namespace {

bool well_formed_utf8(std::string_view s) {
  while (!s.empty()) {
    size_t length = utf8_sequence_length(s);
    if (length == 0) return false;
    s.remove_prefix(length);
  }
  return true;
}

void check_scalar(JsonValue value) {
  std::string_view text = value.str();
  require(well_formed_utf8(text));
  if (value.is(JsonType::String)) {
    require(text.data()[text.size()] == '\0');
    bool holds_nul = text.find('\0') != std::string_view::npos;
    require(holds_nul == (value.c_str() == nullptr));
    if (!holds_nul) require(strlen(value.c_str()) == text.size());
  } else {
    require(text.empty() && value.c_str() == nullptr);
  }
  require(value.is(JsonType::Number) == !value.number().empty());
  int64_t integer = 0;
  if (value.as_int(&integer)) {
    Text<32> written;
    written.add_int(integer);
    require(written.view() == value.number() || value.number() == "-0");
  }
  bool truth = false;
  bool is_bool = value.is(JsonType::True) || value.is(JsonType::False);
  require(value.as_bool(&truth) == is_bool && truth == value.is(JsonType::True));
}

void check_tree(JsonValue value, size_t depth) {
  require(depth <= kJsonMaxDepth);
  check_scalar(value);
  bool container = value.is(JsonType::Object) || value.is(JsonType::Array);
  size_t count = 0;
  for (JsonValue item = value.first(); item; item = item.next(), count++) {
    require(container && well_formed_utf8(item.key()));
    if (value.is(JsonType::Array)) require(item.key().empty());
    // Each lookup takes linear time, so only a few are checked.
    if (value.is(JsonType::Object) && count < 8) require(value.get(item.key()).key() == item.key());
    check_tree(item, depth + 1);
  }
  require(count == value.count());
}

// The same tree: types, names, texts, order.
void check_same(JsonValue a, JsonValue b) {
  for (int type = 0; type <= static_cast<int>(JsonType::Object); type++) {
    require(a.is(static_cast<JsonType>(type)) == b.is(static_cast<JsonType>(type)));
  }
  require(a.str() == b.str() && a.number() == b.number() && a.key() == b.key() && a.count() == b.count());
  JsonValue item = b.first();
  for (JsonValue other = a.first(); other; other = other.next(), item = item.next()) check_same(other, item);
  require(!item);
}

void check_error(const JsonError& error, size_t size) {
  require(error.offset <= size && error.line >= 1 && error.column >= 1 && error.column <= error.offset + 1);
  require(error.reason[0] != '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A heap block of the exact size, so that ASan detects any access outside of it.
  char* buffer = static_cast<char*>(malloc(size + 1));
  if (size > 0) memcpy(buffer, data, size);
  buffer[size] = 'x';
  JsonDoc doc;
  JsonError error;
  if (doc.parse(buffer, size, &error)) {
    check_tree(doc.root(), 0);
    std::string text;
    write_json(&text, doc.root());
    std::string again = text;
    JsonDoc second;
    require(second.parse(again.data(), again.size(), &error));
    check_same(doc.root(), second.root());
    std::string third;
    write_json(&third, second.root());
    require(third == text);
  } else {
    require(!doc.root());
    check_error(error, size);
  }
  free(buffer);
  return 0;
}
