#include "gguf/part.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <string>

#include "gguf/cursor.h"

namespace pingti::gguf {
namespace {

constexpr uint64_t kLeastKeyBytes = 8 + 4 + 1;         // length, type, value
constexpr uint64_t kLeastTensorBytes = 8 + 4 + 4 + 8;  // length, dims, type, offset

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, OpenOptions options)
      : bytes_(bytes), cursor_(bytes), options_(options) {}

  Result<Part> parse() {
    PT_TRY_VOID(read_version());
    PT_TRY(const uint64_t tensors, read_count("tensor count", kMaxTensors));
    PT_TRY(const uint64_t keys, read_count("metadata count", kMaxKeys));
    PT_TRY_VOID(read_metadata(keys));
    PT_TRY_VOID(read_alignment());
    PT_TRY_VOID(read_tensors(tensors));
    PT_TRY_VOID(check_overlap());
    PT_TRY_VOID(place_data());
    return std::move(part_);
  }

 private:
  Result<void> read_version();
  Result<uint64_t> read_count(std::string_view what, uint64_t limit);
  Result<void> read_metadata(uint64_t count);
  Result<Value> read_value(ValueType type, const std::string& what);
  Result<bool> read_bool(const std::string& what);
  Result<Array> read_array(const std::string& what);
  Result<void> read_alignment();
  Result<void> read_tensors(uint64_t count);
  Result<TensorInfo> read_tensor(uint64_t index);
  Result<void> read_dims(TensorInfo& tensor, const std::string& what);
  Result<void> check_overlap() const;
  Result<void> place_data();

  std::span<const std::byte> bytes_;
  Cursor cursor_;
  OpenOptions options_;
  Part part_;
};

Result<void> Parser::read_version() {
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0) {
    std::string found;
    for (size_t i = 0; i < std::min<size_t>(4, bytes_.size()); ++i) {
      found += fmt::format("{}{:02x}", i > 0 ? " " : "", std::to_integer<int>(bytes_[i]));
    }
    return fail(ErrorKind::kInvalid, "gguf.bad_magic",
                fmt::format("not a GGUF file: it begins with the bytes [{}] instead of \"GGUF\"", found),
                "pingti reads models in GGUF format");
  }
  PT_TRY_VOID(cursor_.take(4, "the magic"));
  PT_TRY(part_.version, cursor_.read<uint32_t>("the version"));
  if (part_.version == 2 || part_.version == 3) return {};
  if ((part_.version & 0xffff) == 0 && part_.version != 0) {
    return fail(ErrorKind::kUnsupported, "gguf.big_endian", "the GGUF file is big-endian",
                "convert it to little-endian first");
  }
  return fail(ErrorKind::kUnsupported, "gguf.unsupported_version",
              fmt::format("the GGUF version is {}; versions 2 and 3 are read", part_.version));
}

Result<uint64_t> Parser::read_count(std::string_view what, uint64_t limit) {
  PT_TRY(const uint64_t count, cursor_.read<uint64_t>(what));
  if (count > limit) {
    return fail(ErrorKind::kTooLarge, "gguf.limit",
                fmt::format("the {} is {}; at most {} are read", what, count, limit));
  }
  return count;
}

Result<void> Parser::read_metadata(uint64_t count) {
  part_.metadata.reserve(std::min(count, cursor_.remaining() / kLeastKeyBytes));
  for (uint64_t i = 0; i < count; ++i) {
    PT_TRY(const auto key,
           cursor_.read_string(fmt::format("the name of metadata key {} of {}", i + 1, count), kMaxKeyBytes));
    if (key.empty()) {
      return fail(ErrorKind::kInvalid, "gguf.bad_key", fmt::format("metadata key {} has no name", i + 1));
    }
    const std::string what = fmt::format("the value of '{}'", key);
    PT_TRY(const auto type, cursor_.read<uint32_t>(what));
    PT_TRY(const auto value, read_value(static_cast<ValueType>(type), what));
    if (!part_.key_index.emplace(key, part_.metadata.size()).second) {
      return fail(ErrorKind::kInvalid, "gguf.duplicate_key", fmt::format("the key '{}' occurs twice", key));
    }
    part_.metadata.emplace_back(key, value);
  }
  return {};
}

Result<Value> Parser::read_value(ValueType type, const std::string& what) {
  switch (type) {
    case ValueType::kUint8:
      return cursor_.read<uint8_t>(what);
    case ValueType::kInt8:
      return cursor_.read<int8_t>(what);
    case ValueType::kUint16:
      return cursor_.read<uint16_t>(what);
    case ValueType::kInt16:
      return cursor_.read<int16_t>(what);
    case ValueType::kUint32:
      return cursor_.read<uint32_t>(what);
    case ValueType::kInt32:
      return cursor_.read<int32_t>(what);
    case ValueType::kFloat32:
      return cursor_.read<float>(what);
    case ValueType::kBool:
      return read_bool(what);
    case ValueType::kString:
      return cursor_.read_string(what, kMaxStringBytes);
    case ValueType::kArray:
      return read_array(what);
    case ValueType::kUint64:
      return cursor_.read<uint64_t>(what);
    case ValueType::kInt64:
      return cursor_.read<int64_t>(what);
    case ValueType::kFloat64:
      return cursor_.read<double>(what);
  }
  return fail(ErrorKind::kInvalid, "gguf.unknown_value_type",
              fmt::format("{} has type {}; types 0 to 12 are defined", what, static_cast<uint32_t>(type)));
}

Result<bool> Parser::read_bool(const std::string& what) {
  PT_TRY(const uint8_t byte, cursor_.read<uint8_t>(what));
  if (byte > 1) {
    return fail(ErrorKind::kInvalid, "gguf.bad_bool",
                fmt::format("{} is a bool stored as {} instead of 0 or 1", what, byte));
  }
  return byte == 1;
}

Result<Array> Parser::read_array(const std::string& what) {
  PT_TRY(const auto type, cursor_.read<uint32_t>(what));
  Array array{static_cast<ValueType>(type), 0, {}};
  if (array.element == ValueType::kArray) {
    return fail(ErrorKind::kUnsupported, "gguf.nested_array", fmt::format("{} is an array of arrays", what));
  }
  if (type > static_cast<uint32_t>(ValueType::kFloat64)) {
    return fail(ErrorKind::kInvalid, "gguf.unknown_value_type",
                fmt::format("{} has elements of type {}; types 0 to 12 are defined", what, type));
  }
  PT_TRY(array.count, cursor_.read<uint64_t>(what));
  if (array.count > kMaxArrayCount) {
    return fail(ErrorKind::kTooLarge, "gguf.limit",
                fmt::format("{} has {} elements; at most {} are read", what, array.count, kMaxArrayCount));
  }
  const uint64_t begin = cursor_.position();
  if (array.element == ValueType::kString) {
    for (uint64_t i = 0; i < array.count; ++i) PT_TRY_VOID(cursor_.read_string(what, kMaxStringBytes));
  } else if (array.element == ValueType::kBool) {
    for (uint64_t i = 0; i < array.count; ++i) PT_TRY_VOID(read_bool(what));
  } else {
    PT_TRY_VOID(cursor_.take(array.count * size_of(array.element), what));
  }
  array.bytes = bytes_.subspan(begin, cursor_.position() - begin);
  return array;
}

Result<void> Parser::read_alignment() {
  const auto found = part_.key_index.find("general.alignment");
  if (found == part_.key_index.end()) return {};
  const Value& value = part_.metadata[found->second].second;
  const auto* alignment = std::get_if<uint32_t>(&value);
  if (alignment == nullptr) {
    return fail(ErrorKind::kInvalid, "gguf.bad_alignment",
                fmt::format("general.alignment is of type {} instead of uint32", name_of(type_of(value))));
  }
  if (!std::has_single_bit(*alignment) || *alignment < 8 || *alignment > kMaxAlignment) {
    return fail(ErrorKind::kInvalid, "gguf.bad_alignment",
                fmt::format("general.alignment is {} instead of a power of two from 8 to {}", *alignment,
                            kMaxAlignment));
  }
  part_.alignment = *alignment;
  return {};
}

Result<void> Parser::read_tensors(uint64_t count) {
  part_.tensors.reserve(std::min(count, cursor_.remaining() / kLeastTensorBytes));
  for (uint64_t i = 0; i < count; ++i) {
    PT_TRY(const TensorInfo tensor, read_tensor(i));
    part_.tensors.push_back(tensor);
  }
  return {};
}

std::string readable_formats() {
  std::string names;
  for (const Format* format : all_formats())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", format->name);
  return names;
}

Result<TensorInfo> Parser::read_tensor(uint64_t index) {
  TensorInfo tensor;
  PT_TRY(tensor.name,
         cursor_.read_string(fmt::format("the name of tensor {}", index + 1), kMaxTensorNameBytes));
  const std::string what = fmt::format("tensor '{}'", tensor.name);
  PT_TRY_VOID(read_dims(tensor, what));
  PT_TRY(const auto type, cursor_.read<uint32_t>(what));
  tensor.format = find_format(static_cast<DType>(type));
  if (tensor.format == nullptr) {
    return fail(ErrorKind::kUnsupported, "gguf.unknown_type",
                fmt::format("{} is stored as type {}, which is not read", what, type),
                "readable types: " + readable_formats());
  }
  if (tensor.dims[0] % tensor.format->block_values != 0) {
    return fail(ErrorKind::kInvalid, "gguf.bad_dims",
                fmt::format("{} has rows of {} values; {} needs a multiple of {}", what, tensor.dims[0],
                            tensor.format->name, tensor.format->block_values));
  }
  PT_TRY(tensor.offset, cursor_.read<uint64_t>(what));
  if (tensor.offset % part_.alignment != 0 || tensor.offset > kMaxTensorOffset) {
    return fail(ErrorKind::kInvalid, "gguf.bad_offset",
                fmt::format("{} lies at offset {}, not a multiple of the alignment {} up to {}", what,
                            tensor.offset, part_.alignment, kMaxTensorOffset));
  }
  return tensor;
}

Result<void> Parser::read_dims(TensorInfo& tensor, const std::string& what) {
  PT_TRY(const auto count, cursor_.read<uint32_t>(what));
  if (count > kMaxDims) {
    return fail(ErrorKind::kInvalid, "gguf.bad_dims",
                fmt::format("{} has {} dimensions; at most {} are defined", what, count, kMaxDims));
  }
  tensor.dim_count = static_cast<int>(count);
  int64_t values = 1;
  for (uint32_t i = 0; i < count; ++i) {
    PT_TRY(const auto dim, cursor_.read<uint64_t>(what));
    if (dim == 0 || dim > static_cast<uint64_t>(kMaxTensorValues / values)) {
      return fail(
          ErrorKind::kInvalid, "gguf.bad_dims",
          fmt::format("dimension {} of {} is {}; all dimensions must be positive with a product of at "
                      "most {}",
                      i, what, dim, kMaxTensorValues));
    }
    tensor.dims[i] = static_cast<int64_t>(dim);
    values *= tensor.dims[i];
  }
  return {};
}

Result<void> Parser::check_overlap() const {
  std::vector<size_t> order(part_.tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return part_.tensors[i].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& first = part_.tensors[order[i - 1]];
    const TensorInfo& second = part_.tensors[order[i]];
    const uint64_t end = first.offset + static_cast<uint64_t>(first.byte_size());
    if (second.offset < end) {
      return fail(ErrorKind::kInvalid, "gguf.overlap",
                  fmt::format("tensor '{}' at offset {} begins inside tensor '{}', which ends at offset {}",
                              second.name, second.offset, first.name, end));
    }
  }
  return {};
}

// Offsets in the file count from the data section: the first aligned byte after the tensor table.
Result<void> Parser::place_data() {
  const uint64_t data_begin = (cursor_.position() + part_.alignment - 1) / part_.alignment * part_.alignment;
  for (TensorInfo& tensor : part_.tensors) {
    const auto size = static_cast<uint64_t>(tensor.byte_size());
    tensor.offset += data_begin;
    if (tensor.offset <= bytes_.size() && size <= bytes_.size() - tensor.offset) {
      tensor.data = bytes_.subspan(tensor.offset, size);
      continue;
    }
    part_.complete = false;
    if (!options_.allow_missing_data) {
      return fail(ErrorKind::kInvalid, "gguf.truncated",
                  fmt::format("the data of tensor '{}' should lie in bytes {} to {}, but the file ends at {}",
                              tensor.name, tensor.offset, tensor.offset + size, bytes_.size()),
                  "the file is incomplete: fetch it again");
    }
  }
  return {};
}

}  // namespace

Result<Part> parse_part(std::span<const std::byte> bytes, OpenOptions options) {
  return Parser(bytes, options).parse();
}

}  // namespace pingti::gguf
