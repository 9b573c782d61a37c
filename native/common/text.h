// Text without stdio and without the C++ runtime: bounded builders, and cutting and parsing of what was read. A builder
// never overflows: what does not fit is dropped, and truncated() reports it. Its text always ends in NUL.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

class TextBuilder {
 public:
  TextBuilder(char* buffer, size_t capacity) : data_(buffer), capacity_(capacity) { data_[0] = '\0'; }
  TextBuilder(const TextBuilder&) = delete;
  TextBuilder& operator=(const TextBuilder&) = delete;

  TextBuilder& add(std::string_view s);
  TextBuilder& add(char c) { return add(std::string_view(&c, 1)); }
  TextBuilder& add_int(int64_t value);
  TextBuilder& add_octal(uint32_t value);
  // strerror(3)'s text for a positive or negated errno.
  TextBuilder& add_errno(int err);

  const char* c_str() const { return data_; }
  size_t size() const { return size_; }
  bool truncated() const { return truncated_; }
  std::string_view view() const { return {data_, size_}; }
  void clear() {
    size_ = 0;
    truncated_ = false;
    data_[0] = '\0';
  }

 private:
  char* data_;
  size_t capacity_;
  size_t size_ = 0;
  bool truncated_ = false;
};

template <size_t N>
class Text : public TextBuilder {
 public:
  Text() : TextBuilder(storage_, N) {}

 private:
  char storage_[N];
};

// A builder on a heap buffer of its own.
class HeapText : public TextBuilder {
 public:
  explicit HeapText(size_t capacity) : HeapText(static_cast<char*>(malloc(capacity)), capacity) {}
  ~HeapText() { free(buffer_); }
  // False if memory ran out; then every text is truncated.
  bool valid() const { return buffer_ != nullptr; }

 private:
  HeapText(char* buffer, size_t capacity)
      : TextBuilder(buffer == nullptr ? &none_ : buffer, buffer == nullptr ? 1 : capacity), buffer_(buffer) {}
  char* buffer_;
  char none_;
};

// The functions below do without string_view::substr, whose exception would need the C++ runtime.

bool starts_with(std::string_view text, std::string_view start);

// Cuts the text up to the first `end` off the front of *rest, and that `end` too.
std::string_view take_until(std::string_view* rest, char end);

// Cuts the first word off the front of *rest. Words are separated by spaces and newlines; empty if there is none.
std::string_view take_word(std::string_view* rest);

// Finds the word `key` and parses the word behind it ("Pss: 12", "usage_usec 7"). False if there is none.
bool find_number(std::string_view text, std::string_view key, int64_t* out);

// Parses a whole decimal number ("0", "-12"). False if there is any other character, or if it does not fit.
bool parse_int(std::string_view s, int64_t* out);
