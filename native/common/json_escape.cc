#include "common/json_escape.h"

#include <cstring>

namespace {

bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

// Writes the escape of one ASCII character into a buffer of six; the character itself if it needs none.
std::string_view escape_ascii(unsigned char c, char out[6]) {
  static constexpr char kHex[] = "0123456789abcdef";
  static constexpr char kEscaped[] = "\"\\\b\f\n\r\t";
  static constexpr char kLetters[] = "\"\\bfnrt";
  out[0] = '\\';
  const char* found = static_cast<const char*>(memchr(kEscaped, c, sizeof kEscaped - 1));
  if (found != nullptr) {
    out[1] = kLetters[found - kEscaped];
    return {out, 2};
  }
  if (c >= 0x20) {
    out[0] = static_cast<char>(c);
    return {out, 1};
  }
  out[1] = 'u';
  out[2] = out[3] = '0';
  out[4] = kHex[c >> 4];
  out[5] = kHex[c & 15];
  return {out, 6};
}

}  // namespace

size_t utf8_sequence_length(std::string_view s) {
  if (s.empty()) return 0;
  auto byte = [&s](size_t i) { return static_cast<unsigned char>(s[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  // 80..c1: a continuation, or a two-byte form of ASCII. f5..: above U+10FFFF.
  if (lead < 0xc2 || lead > 0xf4 || s.size() < length) return 0;
  for (size_t i = 1; i < length; i++) {
    if (!is_continuation(byte(i))) return 0;
  }
  // Cases that the second byte decides (RFC 3629, section 4).
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (lead == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // above U+10FFFF
  return length;
}

void add_json_escaped(TextBuilder& out, std::string_view bytes, size_t max_bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  while (left > 0) {
    size_t length = utf8_sequence_length({at, left});
    char escape[6];
    std::string_view piece(at, length);
    if (length == 0) piece = "\xef\xbf\xbd";
    if (length == 1) piece = escape_ascii(static_cast<unsigned char>(*at), escape);
    if (piece.size() > max_bytes) return;
    out.add(piece);
    max_bytes -= piece.size();
    size_t used = length == 0 ? 1 : length;
    at += used;
    left -= used;
  }
}

void add_json_string(TextBuilder& out, std::string_view text) {
  out.add('"');
  add_json_escaped(out, text, text.size() * 6);
  out.add('"');
}
