// An errno in an error message of the host runtime.
#pragma once

#include "common/text.h"

// Appends strerror(3)'s text as runc words it: with a small first letter. `err` may be negated.
TextBuilder& add_reason(TextBuilder& out, int err);
