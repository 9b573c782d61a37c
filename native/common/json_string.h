// The strings of a JSON document: escapes and UTF-8, decoded where they stand.
#pragma once

#include <string_view>

// Decodes the string whose opening quote is at *at, in place, and NUL-terminates it; *end must be no byte that a string
// may hold (NUL will do). Returns nullptr with *at behind the closing quote, or what is wrong at *at. What is decoded
// is never longer than what was written, so nothing behind the closing quote changes.
const char* decode_json_string(char** at, char* end, std::string_view* decoded);
