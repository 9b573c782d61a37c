#include "host/reason.h"

#include <string.h>

TextBuilder& add_reason(TextBuilder& out, int err) {
  const char* text = strerror(err < 0 ? -err : err);
  char first = text[0];
  if (first >= 'A' && first <= 'Z') first = static_cast<char>(first - 'A' + 'a');
  return out.add(first).add(text[0] == '\0' ? text : text + 1);
}
