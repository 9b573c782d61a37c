// The parser behind json.h: turns bytes into nodes, owns no memory. Behaviour: RFC 8259, and strict wherever it leaves
// a choice: no byte order mark, no lone surrogate, only well-formed UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/json.h"

// Nodes are in document order: the first element of a container follows it; the value of a member follows a String node
// that holds its name.
struct JsonNode {
  const char* text;      // a decoded string; a number as written
  uint32_t length : 27;  // of the text; the number of elements of a container
  uint32_t type : 4;     // JsonType
  uint32_t member : 1;   // 1: the node before this one is its name
  uint32_t next;         // distance in nodes to the next element; 0 for the last

  bool is(JsonType t) const { return type == static_cast<uint32_t>(t); }
};

static_assert(kJsonMaxSize < 1u << 27, "a length has 27 bits");

// The largest number of nodes in a document of this size. A complete value of b bytes has at most (b + 1) / 2 nodes:
// "0" has one, each further element needs a comma, each container two brackets, each name two quotes and a colon. Each
// container that is still open lacks one bracket.
inline size_t json_max_nodes(size_t size) { return (size + 1 + kJsonMaxDepth) / 2; }

class JsonParser {
 public:
  // `nodes`: json_max_nodes(size) zeroed nodes; nodes[0] becomes the root. text[size] is overwritten.
  JsonParser(char* text, size_t size, JsonNode* nodes)
      : start_(text), end_(text + size), at_(text), line_start_(text), next_node_(nodes), nodes_end_(nodes) {
    nodes_end_ += json_max_nodes(size);
    // Ends every scan: no rule accepts NUL.
    *end_ = '\0';
  }

  bool document();
  JsonError error() const;

 private:
  struct Level {
    JsonNode* container;
    JsonNode* last;  // its latest element
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
  bool named_ = false;  // the latest node is the name of the next value
  size_t depth_ = 0;
  Level levels_[kJsonMaxDepth];
};
