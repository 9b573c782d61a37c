// What a bundle can ask for and the host runtime does not do. Each such field is refused by name, so that nobody relies
// on isolation that does not exist.
#pragma once

#include "common/json.h"
#include "common/text.h"

// Checks config.json without its process object and without linux.resources, of which limits.h takes care. False with
// only the field's path in `error`.
bool check_bundle_supported(JsonValue config, TextBuilder& error);

// Checks the process object of either file; `prefix` is "process." or "".
bool check_process_supported(JsonValue process, std::string_view prefix, TextBuilder& error);

// Whether a value asks for something: null, false, "", [] and {} do not, and neither does an array or object of only
// such values.
bool asks(JsonValue value);
