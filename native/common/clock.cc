#include "common/clock.h"

#include <time.h>

namespace {

void add_padded(TextBuilder& out, int64_t value, int width) {
  char digits[20];
  for (int i = width - 1; i >= 0; i--, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.add(std::string_view(digits, static_cast<size_t>(width)));
}

}  // namespace

int64_t monotonic_ms() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

int64_t realtime_us() {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

int ms_until(int64_t deadline_ms) {
  int64_t left = deadline_ms - monotonic_ms();
  return left < 0 ? 0 : static_cast<int>(left);
}

void add_rfc3339_now(TextBuilder& out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t days = now.tv_sec / 86400;
  int64_t second = now.tv_sec % 86400;
  // Counted from 1 March of year 0, so that a leap day is the last day of its year; 400 years have 146097 days.
  int64_t shifted = days + 719468;
  int64_t cycle = shifted / 146097;
  int64_t day_of_cycle = shifted % 146097;
  int64_t year = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
  int64_t day_of_year = day_of_cycle - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * day_of_year + 2) / 153;  // from March
  int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  add_padded(out, cycle * 400 + year + (month >= 10 ? 1 : 0), 4);
  add_padded(out.add('-'), month < 10 ? month + 3 : month - 9, 2);
  add_padded(out.add('-'), day, 2);
  add_padded(out.add('T'), second / 3600, 2);
  add_padded(out.add(':'), second / 60 % 60, 2);
  add_padded(out.add(':'), second % 60, 2);
  add_padded(out.add('.'), now.tv_nsec, 9);
  out.add('Z');
}
