// Writing JSON strings: the one place that escapes.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/text.h"

// Appends the inside of a JSON string (no quotes) for any bytes: quotes, backslashes and controls escaped, invalid
// UTF-8 replaced by U+FFFD, one for each byte that fits nowhere. Stops, on a character boundary, before more than
// max_bytes are written; max_bytes is at most the room left in `out`.
void add_json_escaped(TextBuilder& out, std::string_view bytes, size_t max_bytes);

// The length of the well-formed UTF-8 sequence at the start of s (RFC 3629: no surrogates, no overlong forms, nothing
// above U+10FFFF); 0 when there is none.
size_t utf8_sequence_length(std::string_view s);
