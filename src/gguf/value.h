// A metadata value of a GGUF file. Strings and arrays are views into the file's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace pingti::gguf {

// Numbers as in the file.
enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

const char* name_of(ValueType type);

// Bytes of one stored value; 0 for strings and arrays, whose size varies.
size_t size_of(ValueType type);

// An array as stored; File::get_array and get_strings decode it. Elements are never arrays.
struct Array {
  ValueType element;
  uint64_t count;
  std::span<const std::byte> bytes;  // the elements; strings are an uint64 length and that many bytes each
};

// The alternative tells the stored type.
using Value = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                           std::string_view, Array, uint64_t, int64_t, double>;

// The alternatives are in the order of ValueType's numbers.
inline ValueType type_of(const Value& value) { return static_cast<ValueType>(value.index()); }

}  // namespace pingti::gguf
