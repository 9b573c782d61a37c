#include "host/bundle/unsupported.h"

#include "host/bundle/fields.h"

namespace {

// Top-level sections of config.json that ask for something to be set up around the process.
constexpr std::string_view kBundleSections[] = {"root", "mounts",  "hostname", "domainname", "hooks",  "linux",
                                                "vm",   "windows", "solaris",  "zos",        "freebsd"};

struct ProcessField {
  std::string_view name;
  bool even_empty;  // refused even if empty: an empty capability set is the strictest
};

constexpr ProcessField kProcessFields[] = {
    {"capabilities", true}, {"apparmorProfile", false}, {"selinuxLabel", false},
    {"scheduler", false},   {"ioPriority", false},      {"execCPUAffinity", false},
};

// Names what an element is about, if it says so: "(pid)", "(/proc)".
void add_hint(JsonValue value, TextBuilder& error) {
  constexpr std::string_view kNamingKeys[] = {"type", "destination", "path"};
  std::string_view hint = value.str();
  for (std::string_view key : kNamingKeys) {
    if (hint.empty() && value.is(JsonType::Object)) hint = value.get(key).str();
  }
  if (!hint.empty()) error.add(" (").add(hint).add(')');
}

bool refuse(const FieldPath& path, JsonValue value, TextBuilder& error) {
  path.add_to(error);
  add_hint(value, error);
  return false;
}

bool is_resources(const FieldPath& path, JsonValue item) {
  return path.parent == nullptr && path.name == "linux" && item.key() == "resources";
}

// Refuses the first member or element that asks for something. Its path goes one level into objects (linux.seccomp,
// root.path, hooks.prestart) and one level into arrays (mounts[0], linux.namespaces[2]).
bool check_section(const FieldPath& path, JsonValue section, int levels, TextBuilder& error) {
  if (!asks(section)) return true;
  bool array = section.is(JsonType::Array);
  if (levels == 0 || (!array && !section.is(JsonType::Object))) return refuse(path, section, error);
  size_t index = 0;
  for (JsonValue item = section.first(); item; item = item.next(), index++) {
    if (is_resources(path, item)) continue;
    FieldPath inner = array ? path.element(index) : path.member(item.key());
    if (!check_section(inner, item, array ? 0 : levels - 1, error)) return false;
  }
  return true;
}

}  // namespace

// Recurses at most kJsonMaxDepth deep.
bool asks(JsonValue value) {
  if (!is_set(value) || value.is(JsonType::False)) return false;
  if (value.is(JsonType::String)) return !value.str().empty();
  if (!value.is(JsonType::Array) && !value.is(JsonType::Object)) return true;
  for (JsonValue item = value.first(); item; item = item.next()) {
    if (asks(item)) return true;
  }
  return false;
}

bool check_bundle_supported(JsonValue config, TextBuilder& error) {
  for (std::string_view name : kBundleSections) {
    FieldPath path{nullptr, name, -1};
    if (!check_section(path, config.get(name), 2, error)) return false;
  }
  return true;
}

bool check_process_supported(JsonValue process, std::string_view prefix, TextBuilder& error) {
  for (const ProcessField& field : kProcessFields) {
    JsonValue value = process.get(field.name);
    if (!(field.even_empty ? is_set(value) : asks(value))) continue;
    error.add(prefix).add(field.name);
    return false;
  }
  return true;
}
