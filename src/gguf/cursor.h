// Reads little-endian values from untrusted bytes, never past their end: private to src/gguf.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace pingti::gguf {

static_assert(std::endian::native == std::endian::little, "values are read in place");

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  // `what` names the field in an error.
  Result<std::span<const std::byte>> take(uint64_t count, std::string_view what) {
    if (count > remaining()) {
      return fail(ErrorKind::kInvalid, "gguf.truncated",
                  fmt::format("the file ends at byte {} inside {}, which needs {} bytes from byte {} on",
                              bytes_.size(), what, count, position_),
                  "fetch the file again");
    }
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }

  template <class T>
  Result<T> read(std::string_view what) {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    PT_TRY(const auto part, take(sizeof(T), what));
    T value;
    std::memcpy(&value, part.data(), sizeof(T));
    return value;
  }

  // A length of 64 bits and that many bytes.
  Result<std::string_view> read_string(std::string_view what, uint64_t limit) {
    PT_TRY(const uint64_t length, read<uint64_t>(what));
    if (length > limit) {
      return fail(ErrorKind::kTooLarge, "gguf.limit",
                  fmt::format("{} is {} bytes long; at most {} are read", what, length, limit));
    }
    PT_TRY(const auto part, take(length, what));
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace pingti::gguf
