// `linux.resources` as what is to be written to the files of a cgroup v2 (cgroup-v2.rst). An unsupported field is
// refused by name, a wrong value too. Field meanings: the OCI runtime specification, config-linux.md. Writes nothing
// itself.
#pragma once

#include "common/heap_array.h"
#include "common/json.h"
#include "common/text.h"

// One file and its new value. Texts point into the document from which this was read.
struct Limit {
  std::string_view section;  // "memory", or "unified"
  std::string_view field;    // "limit"; for `unified` the same as `file`
  const char* file;          // "memory.max"
  const char* text;          // the value; nullptr: it is in `number`
  char number[48];
  bool keeps_first_word;  // the file's first word stays, and the value follows it
};

// The name of the controller that owns a file: "memory" of "memory.max". Every cgroup has those of "cgroup".
std::string_view controller_of(const Limit& limit);

class Limits {
 public:
  // `prefix` precedes the names of fields in messages: "linux.resources." of a bundle, "" of `update`.
  explicit Limits(std::string_view prefix = {}) : prefix_(prefix) {}

  // Reads the object. False with a reason that begins with the field's name.
  bool read(JsonValue resources, TextBuilder& error);
  // Appends the full name of a limit's field: "linux.resources.memory.limit".
  TextBuilder& add_name(const Limit& limit, TextBuilder& out) const;

  bool empty() const { return list_.empty(); }
  const Limit* begin() const { return list_.begin(); }
  const Limit* end() const { return list_.end(); }

 private:
  std::string_view prefix_;
  HeapArray<Limit> list_;
};
