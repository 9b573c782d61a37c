// A bounded string builder on a caller's stack: what printf would do, without stdio and without a heap.
// It never overflows; what did not fit is dropped and `truncated()` says so. Always NUL-terminated.
#pragma once

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

// Reads a whole decimal number ("0", "-12"); false when anything else is in the way or it does not fit.
bool parse_int(std::string_view s, int64_t* out);
