// Many strings in one allocation. JavaScript passes argv and the like as one byte array in which NUL ends every string.
// This is a copy of it with the NULL-terminated array of pointers that execve(2) needs.
#pragma once

#include <stdlib.h>
#include <string.h>

#include <cstddef>

class StringBlock {
 public:
  StringBlock() = default;
  StringBlock(const StringBlock&) = delete;
  StringBlock& operator=(const StringBlock&) = delete;
  ~StringBlock() {
    free(bytes_);
    free(pointers_);
  }

  // The bytes end in NUL, or there are none. False if memory runs out.
  bool assign(const char* bytes, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += bytes[i] == '\0' ? 1 : 0;
    bytes_ = static_cast<char*>(malloc(size + 1));
    pointers_ = static_cast<char**>(malloc((count + 1) * sizeof(char*)));
    if (bytes_ == nullptr || pointers_ == nullptr) return false;
    if (size > 0) memcpy(bytes_, bytes, size);
    char* next = bytes_;
    for (size_t i = 0; i < count; i++) {
      pointers_[i] = next;
      next += strlen(next) + 1;
    }
    pointers_[count] = nullptr;
    return true;
  }
  char** pointers() const { return pointers_; }
  const char* first() const { return pointers_[0]; }

 private:
  char* bytes_ = nullptr;
  char** pointers_ = nullptr;
};
