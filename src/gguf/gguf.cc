#include "gguf/gguf.h"

#include <fmt/format.h>

#include <concepts>
#include <cstring>
#include <type_traits>
#include <variant>

#include "base/check.h"

namespace pingti::gguf {
namespace {

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool>;

std::unexpected<Error> wrong_type(std::string_view key, ValueType found, const char* wanted) {
  return fail(ErrorKind::kInvalid, "gguf.wrong_type",
              fmt::format("'{}' is of type {} instead of {}", key, name_of(found), wanted));
}

std::unexpected<Error> missing_key(std::string_view key) {
  return fail(ErrorKind::kNotFound, "gguf.missing_key", fmt::format("the file lacks the key '{}'", key));
}

template <class T>
constexpr const char* wanted_name() {
  if constexpr (std::same_as<T, bool>) return "bool";
  if constexpr (std::integral<T>) return "an integer";
  if constexpr (std::floating_point<T>) return "a number";
  return "string";
}

template <class T, class S>
Result<T> convert(std::string_view key, const S& stored) {
  if constexpr (std::same_as<S, T>) {
    return stored;
  } else if constexpr (std::same_as<S, std::string_view> && std::same_as<T, std::string>) {
    return std::string(stored);
  } else if constexpr (Number<S> && std::floating_point<T>) {
    return static_cast<T>(stored);
  } else if constexpr (Number<S> && std::integral<S> && std::integral<T> && !std::same_as<T, bool>) {
    if (std::in_range<T>(stored)) return static_cast<T>(stored);
    return fail(ErrorKind::kInvalid, "gguf.out_of_range",
                fmt::format("'{}' is {}, outside {} to {}", key, stored, std::numeric_limits<T>::min(),
                            std::numeric_limits<T>::max()));
  } else {
    return wrong_type(key, type_of(Value(stored)), wanted_name<T>());
  }
}

// Calls body with a zero of the element type; strings and arrays have none.
template <class Body>
Result<void> with_element_type(ValueType type, const Body& body) {
  switch (type) {
    case ValueType::kUint8:
      return body(uint8_t{});
    case ValueType::kInt8:
      return body(int8_t{});
    case ValueType::kUint16:
      return body(uint16_t{});
    case ValueType::kInt16:
      return body(int16_t{});
    case ValueType::kUint32:
      return body(uint32_t{});
    case ValueType::kInt32:
      return body(int32_t{});
    case ValueType::kFloat32:
      return body(float{});
    case ValueType::kBool:
      return body(bool{});
    case ValueType::kUint64:
      return body(uint64_t{});
    case ValueType::kInt64:
      return body(int64_t{});
    case ValueType::kFloat64:
      return body(double{});
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  return body(std::string_view{});
}

template <class T>
Result<std::vector<T>> decode_array(std::string_view key, const Array& array) {
  std::vector<T> values;
  auto decode = [&]<class S>(S) -> Result<void> {
    if constexpr (std::same_as<S, std::string_view>) {
      return wrong_type(key, array.element, wanted_name<T>());
    } else {
      values.reserve(array.count);
      for (uint64_t i = 0; i < array.count; ++i) {
        S stored;
        std::memcpy(&stored, array.bytes.data() + i * sizeof(S), sizeof(S));
        PT_TRY(const T value, convert<T>(key, stored));
        values.push_back(value);
      }
      return {};
    }
  };
  PT_TRY_VOID(with_element_type(array.element, decode));
  return values;
}

}  // namespace

const Value* File::find(std::string_view key) const {
  const auto found = key_index_.find(key);
  return found == key_index_.end() ? nullptr : &metadata_[found->second].second;
}

const TensorInfo* File::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

template <class T>
Result<T> File::get(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return missing_key(key);
  return std::visit([&](const auto& stored) { return convert<T>(key, stored); }, *value);
}

template <class T>
Result<std::vector<T>> File::get_array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return missing_key(key);
  const auto* array = std::get_if<Array>(value);
  if (array == nullptr) return wrong_type(key, type_of(*value), "array");
  return decode_array<T>(key, *array);
}

Result<std::vector<std::string_view>> File::get_strings(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return missing_key(key);
  const auto* array = std::get_if<Array>(value);
  if (array == nullptr) return wrong_type(key, type_of(*value), "array of strings");
  if (array->element != ValueType::kString) return wrong_type(key, array->element, "array of strings");
  std::vector<std::string_view> strings;
  strings.reserve(array->count);
  const std::byte* next = array->bytes.data();
  for (uint64_t i = 0; i < array->count; ++i) {  // lengths were checked at opening
    uint64_t length;
    std::memcpy(&length, next, sizeof length);
    strings.emplace_back(reinterpret_cast<const char*>(next + sizeof length), length);
    next += sizeof length + length;
  }
  return strings;
}

template <class T>
Result<std::vector<T>> File::get_per_layer(std::string_view key, int64_t layers) const {
  PT_CHECK(layers >= 0);
  const Value* value = find(key);
  if (value == nullptr) return missing_key(key);
  if (!std::holds_alternative<Array>(*value)) {
    PT_TRY(const T scalar, get<T>(key));
    return std::vector<T>(static_cast<size_t>(layers), scalar);
  }
  const auto count = std::get<Array>(*value).count;
  if (count != static_cast<uint64_t>(layers)) {
    return fail(ErrorKind::kInvalid, "gguf.wrong_length",
                fmt::format("'{}' has {} elements instead of one for each of {} layers", key, count, layers));
  }
  return get_array<T>(key);
}

void File::release(const TensorInfo& tensor) const {
  if (parts_.empty()) return;
  parts_[static_cast<size_t>(tensor.part)].release(tensor.data);
}

template Result<std::string> File::get(std::string_view) const;
template Result<std::string_view> File::get(std::string_view) const;

#define PT_NUMERIC_ACCESS(T)                                               \
  template Result<T> File::get(std::string_view) const;                    \
  template Result<std::vector<T>> File::get_array(std::string_view) const; \
  template Result<std::vector<T>> File::get_per_layer(std::string_view, int64_t) const;
PT_NUMERIC_ACCESS(bool)
PT_NUMERIC_ACCESS(int32_t)
PT_NUMERIC_ACCESS(uint32_t)
PT_NUMERIC_ACCESS(int64_t)
PT_NUMERIC_ACCESS(uint64_t)
PT_NUMERIC_ACCESS(float)
PT_NUMERIC_ACCESS(double)
#undef PT_NUMERIC_ACCESS

}  // namespace pingti::gguf
