// A growing array of plain values on the heap: a std::vector without exceptions and without the C++ runtime. push()
// returns false if memory runs out.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <type_traits>

template <typename T>
class HeapArray {
  static_assert(std::is_trivially_copyable<T>::value, "grown by realloc");

 public:
  HeapArray() = default;
  HeapArray(const HeapArray&) = delete;
  HeapArray& operator=(const HeapArray&) = delete;
  ~HeapArray() { free(items_); }

  bool push(const T& item) {
    if (size_ == capacity_) {
      size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
      T* grown = static_cast<T*>(reallocarray(items_, capacity, sizeof(T)));
      if (grown == nullptr) return false;
      items_ = grown;
      capacity_ = capacity;
    }
    items_[size_++] = item;
    return true;
  }

  // Makes it `size` copies of an item. False if memory runs out; then nothing has changed.
  bool fill(size_t size, const T& item) {
    if (size > capacity_) {
      T* grown = static_cast<T*>(reallocarray(items_, size, sizeof(T)));
      if (grown == nullptr) return false;
      items_ = grown;
      capacity_ = size;
    }
    for (size_t i = 0; i < size; i++) items_[i] = item;
    size_ = size;
    return true;
  }

  T* data() { return items_; }
  const T* data() const { return items_; }
  size_t size() const { return size_; }
  bool contains(const T& item) const {
    for (const T& each : *this) {
      if (each == item) return true;
    }
    return false;
  }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }
  // Drops the items from index `size` on.
  void truncate(size_t size) { size_ = size; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};
