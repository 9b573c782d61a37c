// The document and its values: owns the pool of nodes and reads it. The parser is json_parser.h; the caller owns the
// bytes.
#include "common/json.h"

#include <sys/mman.h>

#include <cstring>

#include "common/json_parser.h"
#include "common/text.h"

void add_json_error(TextBuilder& out, const char* file, const JsonError& error) {
  out.add(file).add(':').add_int(static_cast<int64_t>(error.line)).add(':');
  out.add_int(static_cast<int64_t>(error.column)).add(": ").add(error.reason);
}

JsonDoc::~JsonDoc() { reset(); }

void JsonDoc::reset() {
  if (nodes_ != nullptr) munmap(nodes_, mapped_size_);
  nodes_ = nullptr;
  mapped_size_ = 0;
  parsed_ = false;
}

bool JsonDoc::parse(char* buffer, size_t size, JsonError* error) {
  reset();
  *error = JsonError();
  if (size > kJsonMaxSize) {
    error->reason = "larger than 16 MiB";
    return false;
  }
  // Sized for the worst case, so that the pool never moves. A page costs nothing until a node is written to it.
  size_t bytes = json_max_nodes(size) * sizeof(JsonNode);
  void* pool = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pool == MAP_FAILED) {
    error->reason = "out of memory";
    return false;
  }
  nodes_ = static_cast<JsonNode*>(pool);
  mapped_size_ = bytes;
  JsonParser parser(buffer, size, nodes_);
  parsed_ = parser.document();
  if (!parsed_) {
    *error = parser.error();
    reset();
  }
  return parsed_;
}

JsonValue JsonDoc::root() const { return parsed_ ? JsonValue(nodes_) : JsonValue(); }

bool JsonValue::is(JsonType type) const { return node_ != nullptr && node_->is(type); }

JsonValue JsonValue::first() const {
  if (count() == 0) return JsonValue();
  return JsonValue(node_ + (is(JsonType::Object) ? 2 : 1));
}

JsonValue JsonValue::next() const {
  return node_ == nullptr || node_->next == 0 ? JsonValue() : JsonValue(node_ + node_->next);
}

size_t JsonValue::count() const { return is(JsonType::Array) || is(JsonType::Object) ? node_->length : 0; }

std::string_view JsonValue::key() const {
  if (node_ == nullptr || !node_->member) return {};
  return {node_[-1].text, node_[-1].length};
}

JsonValue JsonValue::get(std::string_view key) const {
  JsonValue found;
  if (!is(JsonType::Object)) return found;
  for (JsonValue member = first(); member; member = member.next()) {
    if (member.key() == key) found = member;
  }
  return found;
}

std::string_view JsonValue::str() const {
  if (!is(JsonType::String)) return {};
  return {node_->text, node_->length};
}

const char* JsonValue::c_str() const {
  if (!is(JsonType::String) || memchr(node_->text, '\0', node_->length) != nullptr) return nullptr;
  return node_->text;
}

std::string_view JsonValue::number() const {
  if (!is(JsonType::Number)) return {};
  return {node_->text, node_->length};
}

bool JsonValue::as_int(int64_t* out) const { return parse_int(number(), out); }

bool JsonValue::as_bool(bool* out) const {
  if (!is(JsonType::True) && !is(JsonType::False)) return false;
  *out = is(JsonType::True);
  return true;
}
