#include "common/crc32c.h"

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

struct Table {
  uint32_t of_byte[256];
};

constexpr Table make_table() {
  Table table = {};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table.of_byte[byte] = crc;
  }
  return table;
}

constexpr Table kTable = make_table();

}  // namespace

uint32_t crc32c(const void* bytes, size_t size) {
  const unsigned char* at = static_cast<const unsigned char*>(bytes);
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < size; i++) crc = (crc >> 8) ^ kTable.of_byte[(crc ^ at[i]) & 0xff];
  return ~crc;
}
