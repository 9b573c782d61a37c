// Typed reading of JSON fields. The first wrong field ends the reading; the error names its full path, such as
// `process.args[1]`. Does not know which fields there are.
#pragma once

#include <cstdint>

#include "common/json.h"
#include "common/text.h"

// The path to a value: links on the callers' stacks, so that no text is built unless there is an error.
struct FieldPath {
  const FieldPath* parent = nullptr;
  std::string_view name = {};
  int64_t index = -1;  // >= 0: an element of an array

  FieldPath member(std::string_view key) const { return {this, key, -1}; }
  FieldPath element(size_t i) const { return {this, {}, static_cast<int64_t>(i)}; }
  void add_to(TextBuilder& out) const;
};

// False if the value is absent or null.
bool is_set(JsonValue value);

class FieldReader {
 public:
  explicit FieldReader(TextBuilder& error) : error_(error) {}

  // Each fills *out if the field is set. False if its type is wrong or it is out of range; the error says which.
  bool string(JsonValue value, const FieldPath& path, const char** out);
  bool integer(JsonValue value, const FieldPath& path, int64_t low, int64_t high, int64_t* out);
  bool limit(JsonValue value, const FieldPath& path, uint64_t* out);
  bool boolean(JsonValue value, const FieldPath& path, bool* out);
  bool is_object(JsonValue value, const FieldPath& path);
  bool is_array(JsonValue value, const FieldPath& path);
  // Adds the error. Always false.
  bool fail(const FieldPath& path, std::string_view what);

 private:
  TextBuilder& error_;
};
