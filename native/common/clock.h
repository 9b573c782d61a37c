// Time: a monotonic clock for deadlines, the wall clock as RFC 3339 for what is written down. Hand-made calendar:
// libc's would open the time zone files.
#pragma once

#include <cstdint>

#include "common/text.h"

int64_t monotonic_ms();

// Milliseconds until the deadline, at least 0: what poll(2) takes.
int ms_until(int64_t deadline_ms);

// The time now in UTC: 2016-06-01T12:34:56.123456789Z.
void add_rfc3339_now(TextBuilder& out);
