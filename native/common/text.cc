#include "common/text.h"

#include <cstring>

TextBuilder& TextBuilder::add(std::string_view s) {
  size_t room = capacity_ - 1 - size_;
  size_t n = s.size();
  if (n > room) {
    n = room;
    truncated_ = true;
  }
  // An empty view may hold a null pointer, which memcpy(3) does not allow.
  if (n > 0) memcpy(data_ + size_, s.data(), n);
  size_ += n;
  data_[size_] = '\0';
  return *this;
}

TextBuilder& TextBuilder::add_int(int64_t value) {
  char digits[24];
  size_t at = sizeof digits;
  // Negated in unsigned arithmetic, because -INT64_MIN does not fit into an int64_t.
  uint64_t rest = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits[--at] = '-';
  return add(std::string_view(digits + at, sizeof digits - at));
}

TextBuilder& TextBuilder::add_octal(uint32_t value) {
  char digits[12];
  size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + (value & 7));
    value >>= 3;
  } while (value != 0);
  return add(std::string_view(digits + at, sizeof digits - at));
}

TextBuilder& TextBuilder::add_errno(int err) { return add(strerror(err < 0 ? -err : err)); }

bool starts_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && std::string_view(text.data(), start.size()) == start;
}

std::string_view take_until(std::string_view* rest, char end) {
  size_t length = rest->find(end);
  if (length == std::string_view::npos) length = rest->size();
  std::string_view taken(rest->data(), length);
  rest->remove_prefix(length < rest->size() ? length + 1 : length);
  return taken;
}

namespace {

bool is_space(char c) { return c == ' ' || c == '\n'; }

}  // namespace

std::string_view take_word(std::string_view* rest) {
  while (!rest->empty() && is_space(rest->front())) rest->remove_prefix(1);
  size_t length = 0;
  while (length < rest->size() && !is_space((*rest)[length])) length++;
  std::string_view word(rest->data(), length);
  rest->remove_prefix(length);
  return word;
}

bool find_number(std::string_view text, std::string_view key, int64_t* out) {
  while (!text.empty()) {
    if (take_word(&text) == key) return parse_int(take_word(&text), out);
  }
  return false;
}

bool parse_int(std::string_view s, int64_t* out) {
  size_t i = 0;
  bool negative = !s.empty() && s[0] == '-';
  if (negative) i = 1;
  if (i == s.size()) return false;
  int64_t value = 0;
  for (; i < s.size(); i++) {
    int digit = s[i] - '0';
    if (digit < 0 || digit > 9) return false;
    // Built as a negative number, because the negative range is the larger one.
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, digit, &value)) return false;
  }
  if (!negative && __builtin_sub_overflow(0, value, &value)) return false;
  *out = value;
  return true;
}
