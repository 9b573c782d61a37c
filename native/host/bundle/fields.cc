#include "host/bundle/fields.h"

void FieldPath::add_to(TextBuilder& out) const {
  if (parent != nullptr) parent->add_to(out);
  if (index >= 0) {
    out.add('[').add_int(index).add(']');
  } else if (!name.empty()) {
    bool inner = parent != nullptr && (!parent->name.empty() || parent->index >= 0);
    out.add(inner ? "." : "").add(name);
  }
}

bool is_set(JsonValue value) { return value && !value.is(JsonType::Null); }

bool FieldReader::fail(const FieldPath& path, std::string_view what) {
  path.add_to(error_);
  error_.add(' ').add(what);
  return false;
}

bool FieldReader::string(JsonValue value, const FieldPath& path, const char** out) {
  if (!is_set(value)) return true;
  if (!value.is(JsonType::String)) return fail(path, "must be a string");
  *out = value.c_str();
  return *out != nullptr || fail(path, "must not hold the character U+0000");
}

bool FieldReader::integer(JsonValue value, const FieldPath& path, int64_t low, int64_t high, int64_t* out) {
  if (!is_set(value)) return true;
  int64_t number = 0;
  if (!value.is(JsonType::Number) || !value.as_int(&number)) return fail(path, "must be an integer");
  if (number < low || number > high) {
    Text<80> range;
    range.add("must be from ").add_int(low).add(" to ").add_int(high);
    return fail(path, range.view());
  }
  *out = number;
  return true;
}

bool FieldReader::limit(JsonValue value, const FieldPath& path, uint64_t* out) {
  if (!is_set(value)) return true;
  std::string_view digits = value.number();
  // How JavaScript writes 2^64 - 1, "no limit": the nearest value that its numbers have.
  if (digits == "18446744073709552000") digits = "18446744073709551615";
  uint64_t number = 0;
  bool whole = !digits.empty();
  for (char c : digits) {
    whole = whole && c >= '0' && c <= '9' && !__builtin_mul_overflow(number, uint64_t{10}, &number) &&
            !__builtin_add_overflow(number, static_cast<uint64_t>(c - '0'), &number);
  }
  if (!whole) return fail(path, "must be an integer from 0 to 18446744073709551615");
  *out = number;
  return true;
}

bool FieldReader::boolean(JsonValue value, const FieldPath& path, bool* out) {
  if (!is_set(value)) return true;
  return value.as_bool(out) || fail(path, "must be true or false");
}

bool FieldReader::is_object(JsonValue value, const FieldPath& path) {
  return value.is(JsonType::Object) || fail(path, "must be an object");
}

bool FieldReader::is_array(JsonValue value, const FieldPath& path) {
  return value.is(JsonType::Array) || fail(path, "must be an array");
}
