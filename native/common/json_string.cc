#include "common/json_string.h"

#include <cstdint>
#include <cstring>

#include "common/json_escape.h"

namespace {

constexpr const char* kLoneSurrogate = "lone surrogate in a string";

bool is_high_surrogate(uint32_t code) { return code >= 0xd800 && code <= 0xdbff; }
bool is_low_surrogate(uint32_t code) { return code >= 0xdc00 && code <= 0xdfff; }

// Decodes what is between the quotes: reads at at_, writes at out_. Each function returns nullptr, or what is wrong at
// at_.
class Decoder {
 public:
  Decoder(char* text, char* end) : at_(text), end_(end), out_(text) {}

  const char* run();
  char* at() const { return at_; }
  char* out() const { return out_; }

 private:
  const char* character();
  const char* escape();
  const char* unicode_escape();
  const char* hex4(uint32_t* unit);
  void put_utf8(uint32_t code);
  void put(uint32_t byte) { *out_++ = static_cast<char>(byte); }

  char* at_;
  char* const end_;
  char* out_;
};

const char* Decoder::run() {
  while (*at_ != '"') {
    const char* wrong = *at_ == '\\' ? escape() : character();
    if (wrong != nullptr) return wrong;
  }
  at_++;
  *out_ = '\0';
  return nullptr;
}

const char* Decoder::character() {
  if (static_cast<unsigned char>(*at_) < 0x20) return "control character in a string";
  size_t length = utf8_sequence_length({at_, static_cast<size_t>(end_ - at_)});
  if (length == 0) return "invalid UTF-8";
  for (; length > 0; length--) *out_++ = *at_++;
  return nullptr;
}

const char* Decoder::escape() {
  static constexpr char kWritten[] = "\"\\/bfnrt";
  static constexpr char kMeant[] = "\"\\/\b\f\n\r\t";
  at_++;
  if (*at_ == 'u') return unicode_escape();
  const char* found = static_cast<const char*>(memchr(kWritten, *at_, sizeof kWritten - 1));
  if (found == nullptr) return "unknown escape in a string";
  *out_++ = kMeant[found - kWritten];
  at_++;
  return nullptr;
}

// at_ is at the "u": four digits, or a surrogate pair in two such escapes.
const char* Decoder::unicode_escape() {
  uint32_t code;
  const char* wrong = hex4(&code);
  if (wrong != nullptr) return wrong;
  if (is_low_surrogate(code)) return kLoneSurrogate;
  if (is_high_surrogate(code)) {
    if (at_[0] != '\\' || at_[1] != 'u') return kLoneSurrogate;
    at_++;
    uint32_t low;
    wrong = hex4(&low);
    if (wrong != nullptr) return wrong;
    if (!is_low_surrogate(low)) return kLoneSurrogate;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  put_utf8(code);
  return nullptr;
}

const char* Decoder::hex4(uint32_t* unit) {
  at_++;
  *unit = 0;
  for (int i = 0; i < 4; i++, at_++) {
    char lower = static_cast<char>(*at_ | 0x20);
    bool letter = lower >= 'a' && lower <= 'f';
    bool digit = *at_ >= '0' && *at_ <= '9';
    if (!letter && !digit) return "expected four hexadecimal digits";
    *unit = *unit << 4 | static_cast<uint32_t>(letter ? lower - 'a' + 10 : *at_ - '0');
  }
  return nullptr;
}

void Decoder::put_utf8(uint32_t code) {
  if (code < 0x80) return put(code);
  // The lead byte, then six bits in each byte, highest first.
  int shift = code < 0x800 ? 6 : code < 0x10000 ? 12 : 18;
  put((shift == 6 ? 0xc0u : shift == 12 ? 0xe0u : 0xf0u) | code >> shift);
  while (shift > 0) {
    shift -= 6;
    put(0x80 | ((code >> shift) & 0x3f));
  }
}

}  // namespace

const char* decode_json_string(char** at, char* end, std::string_view* decoded) {
  char* text = *at + 1;
  Decoder decoder(text, end);
  const char* wrong = decoder.run();
  *at = decoder.at();
  if (wrong == nullptr) *decoded = {text, static_cast<size_t>(decoder.out() - text)};
  return wrong;
}
