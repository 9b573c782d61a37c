// Many strings in one allocation. JavaScript passes argv and the like as one text or byte array in which NUL ends every
// string. This is a copy of it with the NULL-terminated array of pointers that execve(2) needs.
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

  // Makes room for `size` bytes and a NUL, which the caller fills before it calls index(). nullptr if memory runs out.
  char* reserve(size_t size) { return bytes_ = static_cast<char*>(malloc(size + 1)); }

  // Finds the strings. The bytes end in NUL, or there are none. False if memory runs out.
  bool index(size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += bytes_[i] == '\0' ? 1 : 0;
    pointers_ = static_cast<char**>(malloc((count + 1) * sizeof(char*)));
    if (pointers_ == nullptr) return false;
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
