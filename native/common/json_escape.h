// Writing JSON strings. Nothing else escapes.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/text.h"

// Appends the inside of a JSON string (no quotes) for any bytes. Escapes quotes, backslashes and control characters;
// replaces each byte that is not part of well-formed UTF-8 by U+FFFD. Stops at a character boundary before it has
// written more than max_bytes, which is at most the room left in `out`.
void add_json_escaped(TextBuilder& out, std::string_view bytes, size_t max_bytes);

// Appends a JSON string with its quotes. `out` needs room for six times the text's length and two quotes.
void add_json_string(TextBuilder& out, std::string_view text);

// The length of the well-formed UTF-8 sequence at the start of s (RFC 3629: no surrogates, no overlong forms, nothing
// above U+10FFFF); 0 if there is none.
size_t utf8_sequence_length(std::string_view s);
