// A strict JSON reader (RFC 8259) for the files that shim and host runtime are given. It parses in place: strings are
// decoded inside the caller's buffer and end in NUL there. It does not recurse, and limits depth and size. The last of
// two equal keys counts, as in JSON.parse and Go's encoding/json, so that all readers of one file agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/text.h"

enum class JsonType : uint8_t { Null, False, True, Number, String, Array, Object };

struct JsonError {
  size_t offset = 0;  // bytes from the start
  size_t line = 1;    // from 1
  size_t column = 1;  // bytes from the line's start, from 1
  const char* reason = "";
};

// Appends "<file>:<line>:<column>: <reason>".
void add_json_error(TextBuilder& out, const char* file, const JsonError& error);

constexpr size_t kJsonMaxDepth = 128;
constexpr size_t kJsonMaxSize = 16u << 20;

struct JsonNode;

// A value in a parsed document: cheap to copy, valid as long as the JsonDoc and its buffer. An absent value (a missing
// key, the end of an iteration) converts to false, and its accessors return empty results.
class JsonValue {
 public:
  JsonValue() = default;
  explicit JsonValue(const JsonNode* node) : node_(node) {}
  explicit operator bool() const { return node_ != nullptr; }

  bool is(JsonType type) const;
  // An object's member; of equal keys the last.
  JsonValue get(std::string_view key) const;
  // The first element or member; the one after this.
  JsonValue first() const;
  JsonValue next() const;
  // Elements of an array or members of an object.
  size_t count() const;
  // The name of this member; empty for an element of an array.
  std::string_view key() const;

  // The decoded string; empty if this is not a string.
  std::string_view str() const;
  // The same, ended by NUL; nullptr if this is not a string or contains U+0000.
  const char* c_str() const;
  // A number's text as written; empty if this is not a number.
  std::string_view number() const;
  // An integer without fraction and exponent. False if this is none, or if it does not fit.
  bool as_int(int64_t* out) const;
  bool as_bool(bool* out) const;

 private:
  const JsonNode* node_ = nullptr;
};

class JsonDoc {
 public:
  JsonDoc() = default;
  JsonDoc(const JsonDoc&) = delete;
  JsonDoc& operator=(const JsonDoc&) = delete;
  ~JsonDoc();

  // Parses buffer[0..size); buffer[size] must be readable and writable, as read_file() provides it. On failure:
  // false, *error filled, root() absent.
  bool parse(char* buffer, size_t size, JsonError* error);
  JsonValue root() const;

 private:
  void reset();

  JsonNode* nodes_ = nullptr;
  size_t mapped_size_ = 0;
  bool parsed_ = false;
};
