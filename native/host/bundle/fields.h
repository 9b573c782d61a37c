// Typed reading of JSON fields: the first wrong one ends the reading, its full path (`process.args[1]`) in the error.
// Does not know which fields there are.
#pragma once

#include <cstdint>

#include "common/json.h"
#include "common/text.h"

// The way to a value: links on the callers' stacks, so that nothing is built unless there is an error to tell.
struct FieldPath {
  const FieldPath* parent = nullptr;
  std::string_view name = {};
  int64_t index = -1;  // >= 0: an array's element

  FieldPath member(std::string_view key) const { return {this, key, -1}; }
  FieldPath element(size_t i) const { return {this, {}, static_cast<int64_t>(i)}; }
  void add_to(TextBuilder& out) const;
};

// Absent and null are the same: false.
bool is_set(JsonValue value);

class FieldReader {
 public:
  explicit FieldReader(TextBuilder& error) : error_(error) {}

  // Each fills *out when the field is set. False: wrong type or out of range, the error says which.
  bool string(JsonValue value, const FieldPath& path, const char** out);
  bool integer(JsonValue value, const FieldPath& path, int64_t low, int64_t high, int64_t* out);
  bool limit(JsonValue value, const FieldPath& path, uint64_t* out);
  bool boolean(JsonValue value, const FieldPath& path, bool* out);
  bool is_object(JsonValue value, const FieldPath& path);
  bool is_array(JsonValue value, const FieldPath& path);
  // Always false.
  bool fail(const FieldPath& path, std::string_view what);

 private:
  TextBuilder& error_;
};
