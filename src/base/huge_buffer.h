// Zeroed anonymous memory on 2 MiB pages where the kernel grants them (a plain mapping elsewhere).
// 64-byte aligned at least. Movable; frees on destruction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace pingti {

class HugeBuffer {
 public:
  static Result<HugeBuffer> allocate(size_t bytes);
  // What a buffer of so many bytes can come to hold, whole pages counted.
  static int64_t held_bytes(int64_t bytes);
  HugeBuffer() = default;
  HugeBuffer(HugeBuffer&& other) noexcept;
  HugeBuffer& operator=(HugeBuffer&& other) noexcept;
  ~HugeBuffer();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::byte* mapping_ = nullptr;  // what munmap gets: may start before data_
  size_t mapped_ = 0;
};

}  // namespace pingti
