// Writes a parsed document as compact JSON, for tests and fuzz targets: members in document order, with duplicates;
// numbers as in the source; strings escaped as by JSON.stringify.
#pragma once

#include <string>
#include <string_view>

#include "common/json.h"
#include "common/json_escape.h"

inline void write_json_string(std::string* out, std::string_view s) {
  // At most six bytes for one: "\u0000".
  std::string space(6 * s.size() + 1, '\0');
  TextBuilder text(space.data(), space.size());
  add_json_escaped(text, s, 6 * s.size());
  out->append("\"").append(text.view()).append("\"");
}

// Recursion is bounded by kJsonMaxDepth.
inline void write_json(std::string* out, JsonValue value) {
  bool truth = false;
  if (value.is(JsonType::String)) {
    write_json_string(out, value.str());
  } else if (value.is(JsonType::Number)) {
    out->append(value.number());
  } else if (value.as_bool(&truth)) {
    out->append(truth ? "true" : "false");
  } else if (value.is(JsonType::Null)) {
    out->append("null");
  } else {
    bool object = value.is(JsonType::Object);
    out->push_back(object ? '{' : '[');
    for (JsonValue item = value.first(); item; item = item.next()) {
      // An element must have no name. If it has one it is written, and the test fails.
      if (object || !item.key().empty()) {
        write_json_string(out, item.key());
        out->push_back(':');
      }
      write_json(out, item);
      if (item.next()) out->push_back(',');
    }
    out->push_back(object ? '}' : ']');
  }
}
