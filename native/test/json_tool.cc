// The native JSON reader and escaper behind a pipe, so that the TypeScript tests can compare them with JavaScript's.
// Requests on stdin, answers on stdout: each is a 32-bit little-endian length and that many bytes.
//
//   parse            a document → "+" and it as compact JSON, or "-<line>:<column> (offset <n>): <reason>"
//   describe         a document → "+" and the results of every accessor of its root, as JSON; or "-…" as above
//   escape <max>     any bytes  → "+" and them as the inside of a JSON string of at most <max> bytes
#include <string.h>
#include <unistd.h>

#include <string>

#include "common/files.h"
#include "common/json.h"
#include "common/json_escape.h"
#include "common/text.h"
#include "test/json_write.h"

namespace {

bool read_exactly(char* at, size_t left) {
  while (left > 0) {
    ssize_t n = read(STDIN_FILENO, at, left);
    if (n <= 0) return false;
    at += n;
    left -= static_cast<size_t>(n);
  }
  return true;
}

bool answer(std::string_view bytes) {
  uint32_t length = static_cast<uint32_t>(bytes.size());
  std::string frame(reinterpret_cast<const char*>(&length), sizeof length);
  frame.append(bytes);
  return write_all(STDOUT_FILENO, frame) == 0;
}

std::string error_text(const JsonError& error) {
  Text<256> text;
  text.add('-').add_int(static_cast<int64_t>(error.line)).add(':').add_int(static_cast<int64_t>(error.column));
  text.add(" (offset ").add_int(static_cast<int64_t>(error.offset)).add("): ").add(error.reason);
  return std::string(text.view());
}

std::string parse(std::string* request) {
  JsonDoc doc;
  JsonError error;
  if (!doc.parse(request->data(), request->size(), &error)) return error_text(error);
  std::string out = "+";
  write_json(&out, doc.root());
  return out;
}

std::string describe(std::string* request) {
  JsonDoc doc;
  JsonError error;
  if (!doc.parse(request->data(), request->size(), &error)) return error_text(error);
  JsonValue root = doc.root();
  Text<512> text;
  text.add("+{\"count\":").add_int(static_cast<int64_t>(root.count()));
  int64_t integer = 0;
  text.add(",\"int\":");
  // Quoted, because JavaScript's numbers do not hold 64 bits.
  root.as_int(&integer) ? text.add('"').add_int(integer).add('"') : text.add("null");
  bool truth = false;
  text.add(",\"bool\":").add(root.as_bool(&truth) ? truth ? "true" : "false" : "null");
  const char* c_string = root.c_str();
  text.add(",\"cStringLength\":").add_int(c_string == nullptr ? -1 : static_cast<int64_t>(strlen(c_string)));
  text.add(",\"stringLength\":").add_int(static_cast<int64_t>(root.str().size()));
  text.add(",\"key\":");
  std::string out(text.view());
  JsonValue member = root.get("key");
  member ? write_json(&out, member) : static_cast<void>(out.append("\"absent\""));
  out.append(",\"firstName\":");
  write_json_string(&out, root.first().key());
  return out.append("}");
}

std::string escape(const std::string& request, size_t max_bytes) {
  // Room for exactly the allowed bytes: one more would be cut off and detected.
  std::string space(max_bytes + 1, '\0');
  TextBuilder text(space.data(), space.size());
  add_json_escaped(text, request, max_bytes);
  return std::string("+").append(text.view()).append(text.truncated() ? "(over max)" : "");
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view mode = argc > 1 ? argv[1] : "";
  int64_t max_bytes = 0;
  bool escaping = mode == "escape" && argc == 3 && parse_int(argv[2], &max_bytes) && max_bytes >= 0;
  if (!escaping && mode != "parse" && mode != "describe") return 2;
  uint32_t length;
  while (read_exactly(reinterpret_cast<char*>(&length), sizeof length)) {
    std::string request(length, '\0');
    if (!read_exactly(request.data(), length)) return 1;
    std::string out = escaping          ? escape(request, static_cast<size_t>(max_bytes))
                      : mode == "parse" ? parse(&request)
                                        : describe(&request);
    if (!answer(out)) return 1;
  }
  return 0;
}
