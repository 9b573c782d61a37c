// The parser behind json.h: bytes to nodes. Behaviour: RFC 8259, with every choice it leaves open made strictly: no
// BOM, no lone surrogate, well-formed UTF-8 only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/json.h"

// The nodes lie in document order: a container's first element follows it, and a member's value follows a String node
// with its name.
struct JsonNode {
  const char* text;      // a string decoded, a number as written
  uint32_t length : 27;  // of the text; of a container, how many elements
  uint32_t type : 4;     // JsonType
  uint32_t member : 1;   // the node before this one is its name
  uint32_t next;         // nodes from here to the next element; 0 for the last

  bool is(JsonType t) const { return type == static_cast<uint32_t>(t); }
};

static_assert(kJsonMaxSize < 1u << 27, "a length has 27 bits");

// How many nodes a document of this size can need. A closed value of b bytes has at most (b + 1) / 2 nodes: "0" has
// one, every further element costs a comma, every container two brackets, every name two quotes and a colon. A
// container still open lacks one bracket.
inline size_t json_max_nodes(size_t size) { return (size + 1 + kJsonMaxDepth) / 2; }

class JsonParser {
 public:
  // `nodes`: json_max_nodes(size) of them, zeroed; nodes[0] becomes the root. text[size] is overwritten.
  JsonParser(char* text, size_t size, JsonNode* nodes)
      : start_(text), end_(text + size), at_(text), line_start_(text), next_node_(nodes), nodes_end_(nodes) {
    nodes_end_ += json_max_nodes(size);
    // Stops every scan: no rule accepts NUL.
    *end_ = '\0';
  }

  bool document();
  JsonError error() const;

 private:
  struct Level {
    JsonNode* container;
    JsonNode* last;  // its newest element
  };

  bool fail(const char* reason);
  void skip_space();
  bool element();
  bool name();
  bool value();
  bool open(JsonType type);
  bool literal(const char* word, JsonType type);
  bool number();
  bool digits();
  bool string(JsonNode* node);
  JsonNode* add_node(JsonType type);
  JsonNode* add_value(JsonType type);

  char* const start_;
  char* const end_;
  char* at_;
  size_t line_ = 1;
  char* line_start_;
  const char* reason_ = "";
  JsonNode* next_node_;
  JsonNode* nodes_end_;
  bool named_ = false;  // the newest node is the name of the value to come
  size_t depth_ = 0;
  Level levels_[kJsonMaxDepth];
};
