// Signal names and numbers, as `runc kill` takes them.
#pragma once

#include <string_view>

// "TERM", "SIGTERM" (any case) or a number 0..64: the number, or -1 if there is no such signal.
int parse_signal(std::string_view text);
