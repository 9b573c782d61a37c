// A strict JSON reader (RFC 8259) for the files that shim and host runtime are handed: process.json, config.json.
// It parses in place (strings are decoded inside the caller's buffer and NUL-terminated there), does not recurse, and
// bounds depth and size. Duplicate keys: the last one counts, as in JSON.parse and Go's encoding/json, so that no two
// readers of one file disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

enum class JsonType : uint8_t { Null, False, True, Number, String, Array, Object };

struct JsonError {
  size_t offset = 0;  // bytes from the start
  size_t line = 1;    // from 1
  size_t column = 1;  // bytes from the line's start, from 1
  const char* reason = "";
};

constexpr size_t kJsonMaxDepth = 128;
constexpr size_t kJsonMaxSize = 16u << 20;

struct JsonNode;

// A place in a parsed document; cheap to copy, valid as long as the JsonDoc and its buffer. An absent value (a missing
// key, the end of an iteration) is false; every reading of it gives the empty answer.
class JsonValue {
 public:
  JsonValue() = default;
  explicit JsonValue(const JsonNode* node) : node_(node) {}
  explicit operator bool() const { return node_ != nullptr; }

  bool is(JsonType type) const;
  // An object's member; with duplicate keys the last.
  JsonValue get(std::string_view key) const;
  // The first element or member, and the one after this.
  JsonValue first() const;
  JsonValue next() const;
  // Elements of an array or members of an object.
  size_t count() const;
  // The name of this member; empty for an array's element.
  std::string_view key() const;

  // The decoded string; empty when this is no string.
  std::string_view str() const;
  // The same, NUL-terminated; nullptr when this is no string or holds U+0000.
  const char* c_str() const;
  // A number's text as it was written; empty when this is no number.
  std::string_view number() const;
  // An integer written as one (no fraction, no exponent) that fits; false otherwise.
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

  // Parses buffer[0..size); buffer[size] must be readable and writable (read_file gives that). On failure false, *error
  // filled, and root() absent.
  bool parse(char* buffer, size_t size, JsonError* error);
  JsonValue root() const;

 private:
  void reset();

  JsonNode* nodes_ = nullptr;
  size_t mapped_size_ = 0;
  bool parsed_ = false;
};
