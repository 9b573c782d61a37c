// The strings of a JSON document: escapes and UTF-8, decoded in place.
#pragma once

#include <string_view>

// Decodes the string whose opening quote is at *at, in place, and ends it with NUL. *end must be a byte that no string
// may contain, such as NUL. On success nullptr, and *at is behind the closing quote; otherwise the reason, and *at is
// at the error. A decoded string is never longer than its source, so nothing behind the closing quote changes.
const char* decode_json_string(char** at, char* end, std::string_view* decoded);
