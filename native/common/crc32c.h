// CRC-32C (Castagnoli), as iSCSI has it (RFC 3720, appendix B.4): initial value and final xor 0xffffffff.
#pragma once

#include <cstddef>
#include <cstdint>

uint32_t crc32c(const void* bytes, size_t size);
