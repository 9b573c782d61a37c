// Time: the monotonic clock for deadlines, the wall clock as RFC 3339 for records. The calendar is computed here
// because libc's functions open the time zone files.
#pragma once

#include <cstdint>

#include "common/text.h"

int64_t monotonic_ms();

// The wall clock: microseconds since 1970.
int64_t realtime_us();

// Milliseconds until the deadline, at least 0, as poll(2) takes them.
int ms_until(int64_t deadline_ms);

// Appends the current time in UTC: 2016-06-01T12:34:56.123456789Z.
void add_rfc3339_now(TextBuilder& out);
