// The grammar: one loop over the bytes, with a stack of open containers. Strings are decoded by json_string.h.
#include "common/json_parser.h"

#include <cstring>

#include "common/json_string.h"

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool JsonParser::fail(const char* reason) {
  reason_ = at_ == end_ ? "unexpected end of the document" : reason;
  return false;
}

JsonError JsonParser::error() const {
  JsonError error;
  error.offset = static_cast<size_t>(at_ - start_);
  error.line = line_;
  error.column = static_cast<size_t>(at_ - line_start_) + 1;
  error.reason = reason_;
  return error;
}

bool JsonParser::document() {
  skip_space();
  if (!value()) return false;
  while (depth_ > 0) {
    if (!element()) return false;
  }
  skip_space();
  return at_ == end_ || fail("text after the end of the document");
}

// Lines are counted here: a line feed is valid only between tokens.
void JsonParser::skip_space() {
  for (; *at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n'; at_++) {
    if (*at_ != '\n') continue;
    line_++;
    line_start_ = at_ + 1;
  }
}

// One step in the innermost container: its end, or its next element.
bool JsonParser::element() {
  JsonNode* container = levels_[depth_ - 1].container;
  bool object = container->is(JsonType::Object);
  skip_space();
  if (*at_ == (object ? '}' : ']')) {
    at_++;
    depth_--;
    return true;
  }
  if (container->length > 0) {
    if (*at_ != ',') return fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
    at_++;
    skip_space();
  }
  return (!object || name()) && value();
}

bool JsonParser::name() {
  if (*at_ != '"') return fail("expected a member name in quotes");
  if (!string(add_node(JsonType::String))) return false;
  named_ = true;
  skip_space();
  if (*at_ != ':') return fail("expected ':'");
  at_++;
  skip_space();
  return true;
}

bool JsonParser::value() {
  switch (*at_) {
    case '{':
      return open(JsonType::Object);
    case '[':
      return open(JsonType::Array);
    case '"':
      return string(add_value(JsonType::String));
    case 't':
      return literal("true", JsonType::True);
    case 'f':
      return literal("false", JsonType::False);
    case 'n':
      return literal("null", JsonType::Null);
    default:
      return *at_ == '-' || is_digit(*at_) ? number() : fail("expected a value");
  }
}

bool JsonParser::open(JsonType type) {
  if (depth_ == kJsonMaxDepth) return fail("nested too deeply");
  levels_[depth_] = {add_value(type), nullptr};
  depth_++;
  at_++;
  return true;
}

bool JsonParser::literal(const char* word, JsonType type) {
  size_t length = strlen(word);
  if (strncmp(at_, word, length) != 0) return fail("expected a value");
  add_value(type);
  at_ += length;
  return true;
}

bool JsonParser::number() {
  const char* text = at_;
  if (*at_ == '-') at_++;
  if (*at_ == '0') {
    at_++;
    if (is_digit(*at_)) return fail("a number starts with 0");
  } else if (!digits()) {
    return false;
  }
  if (*at_ == '.') {
    at_++;
    if (!digits()) return false;
  }
  if (*at_ == 'e' || *at_ == 'E') {
    at_++;
    if (*at_ == '+' || *at_ == '-') at_++;
    if (!digits()) return false;
  }
  JsonNode* node = add_value(JsonType::Number);
  node->text = text;
  node->length = static_cast<uint32_t>(at_ - text);
  return true;
}

bool JsonParser::digits() {
  if (!is_digit(*at_)) return fail("expected a digit");
  while (is_digit(*at_)) at_++;
  return true;
}

bool JsonParser::string(JsonNode* node) {
  std::string_view decoded;
  const char* wrong = decode_json_string(&at_, end_, &decoded);
  if (wrong != nullptr) return fail(wrong);
  node->text = decoded.data();
  node->length = static_cast<uint32_t>(decoded.size());
  return true;
}

JsonNode* JsonParser::add_node(JsonType type) {
  // json_max_nodes() makes this impossible. If that proof is wrong, stop instead of writing past the pool.
  if (next_node_ == nodes_end_) __builtin_trap();
  next_node_->type = static_cast<uint32_t>(type);
  return next_node_++;
}

// A node linked as the latest element of the innermost container. The pool is zeroed memory, so unset fields are 0.
JsonNode* JsonParser::add_value(JsonType type) {
  JsonNode* node = add_node(type);
  node->member = named_;
  named_ = false;
  if (depth_ == 0) return node;
  Level& level = levels_[depth_ - 1];
  level.container->length++;
  if (level.last != nullptr) level.last->next = static_cast<uint32_t>(node - level.last);
  level.last = node;
  return node;
}
