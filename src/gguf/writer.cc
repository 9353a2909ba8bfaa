#include "gguf/writer.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/output_file.h"

namespace pingti::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

template <class T>
void append(std::string& out, T value) {
  const size_t size = out.size();
  out.resize(size + sizeof(T));
  std::memcpy(out.data() + size, &value, sizeof(T));
}

void append_string(std::string& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  out += text;
}

template <class T>
void append_value(std::string& out, T value) {
  append(out, value);
}
void append_value(std::string& out, bool value) { append(out, static_cast<uint8_t>(value)); }
void append_value(std::string& out, std::string_view value) { append_string(out, value); }

std::string array_head(ValueType element, uint64_t count) {
  std::string payload;
  append(payload, static_cast<uint32_t>(element));
  append(payload, count);
  return payload;
}

uint64_t aligned(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

std::unexpected<Error> bad_tensor(std::string_view name, std::string problem) {
  return fail(ErrorKind::kInvalid, "gguf.bad_tensor", fmt::format("tensor '{}' {}", name, problem));
}

}  // namespace

void Writer::put(std::string_view key, ValueType type, std::string_view payload) {
  PT_CHECK(!key.empty() && key.size() <= kMaxKeyBytes);
  std::string encoded;
  append(encoded, static_cast<uint32_t>(type));
  encoded += payload;
  const auto [place, added] = key_index_.try_emplace(std::string(key), metadata_.size());
  if (added) {
    metadata_.emplace_back(key, std::move(encoded));
  } else {
    metadata_[place->second].second = std::move(encoded);
  }
}

template <class T>
void Writer::set(std::string_view key, T value) {
  std::string payload;
  append_value(payload, value);
  put(key, type_of(Value(value)), payload);
}

void Writer::set(std::string_view key, const Value& value) {
  auto store = [&]<class T>(const T& stored) {
    if constexpr (std::is_same_v<T, Array>) {
      std::string payload = array_head(stored.element, stored.count);
      payload.append(reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size());
      put(key, ValueType::kArray, payload);
    } else {
      set<T>(key, stored);
    }
  };
  std::visit(store, value);
}

template <class T>
void Writer::set_array(std::string_view key, std::span<const T> values) {
  std::string payload = array_head(type_of(Value(T{})), values.size());
  for (const T value : values) append_value(payload, value);
  put(key, ValueType::kArray, payload);
}

void Writer::set_strings(std::string_view key, std::span<const std::string> values) {
  std::string payload = array_head(ValueType::kString, values.size());
  for (const std::string& value : values) append_string(payload, value);
  put(key, ValueType::kArray, payload);
}

void Writer::copy_metadata(const File& file) {
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with("split.")) set(key, value);
  }
}

Result<void> Writer::add_tensor(std::string_view name, const Format* format, std::span<const int64_t> dims,
                                Provider provider) {
  PT_CHECK(format != nullptr);
  if (name.empty() || name.size() > kMaxTensorNameBytes) {
    return bad_tensor(
        name, fmt::format("has a name of {} bytes instead of 1 to {}", name.size(), kMaxTensorNameBytes));
  }
  if (dims.empty() || dims.size() > kMaxDims) {
    return bad_tensor(name, fmt::format("has {} dimensions instead of 1 to {}", dims.size(), kMaxDims));
  }
  int64_t values = 1;
  for (const int64_t dim : dims) {
    if (dim <= 0 || dim > kMaxTensorValues / values) {
      return bad_tensor(name, fmt::format("has a dimension of {}", dim));
    }
    values *= dim;
  }
  if (dims[0] % format->block_values != 0) {
    return bad_tensor(name, fmt::format("has rows of {} values; {} needs a multiple of {}", dims[0],
                                        format->name, format->block_values));
  }
  if (!tensor_index_.emplace(name, tensors_.size()).second) return bad_tensor(name, "was added before");
  tensors_.push_back({std::string(name),
                      format,
                      {dims.begin(), dims.end()},
                      static_cast<uint64_t>(format->bytes_for(values)),
                      std::move(provider)});
  return {};
}

Result<void> Writer::add_tensor(std::string_view name, const Format* format, std::span<const int64_t> dims,
                                std::span<const std::byte> data) {
  return add_tensor(name, format, dims, [data](const Sink& sink) { return sink(data); });
}

Result<uint64_t> Writer::alignment() const {
  const auto found = key_index_.find("general.alignment");
  if (found == key_index_.end()) return 32;
  const std::string& encoded = metadata_[found->second].second;
  uint32_t type = 0, value = 0;
  std::memcpy(&type, encoded.data(), 4);
  if (encoded.size() == 8) std::memcpy(&value, encoded.data() + 4, 4);
  if (type != static_cast<uint32_t>(ValueType::kUint32) || !std::has_single_bit(value) || value < 8 ||
      value > kMaxAlignment) {
    return fail(
        ErrorKind::kInvalid, "gguf.bad_alignment",
        fmt::format("general.alignment must be an uint32, a power of two from 8 to {}", kMaxAlignment));
  }
  return value;
}

std::string Writer::header(uint64_t alignment) const {
  std::string out = "GGUF";
  append(out, uint32_t{3});
  append(out, uint64_t{tensors_.size()});
  append(out, uint64_t{metadata_.size()});
  for (const auto& [key, encoded] : metadata_) {
    append_string(out, key);
    out += encoded;
  }
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    append_string(out, tensor.name);
    append(out, static_cast<uint32_t>(tensor.dims.size()));
    for (const int64_t dim : tensor.dims) append(out, static_cast<uint64_t>(dim));
    append(out, static_cast<uint32_t>(tensor.format->type));
    append(out, offset);
    offset = aligned(offset + tensor.bytes, alignment);
  }
  out.resize(aligned(out.size(), alignment), '\0');
  return out;
}

Result<void> Writer::write(const std::filesystem::path& path) const {
  if (metadata_.size() > kMaxKeys || tensors_.size() > kMaxTensors) {
    return fail(ErrorKind::kTooLarge, "gguf.limit",
                fmt::format("{} keys and {} tensors; at most {} and {} are written", metadata_.size(),
                            tensors_.size(), kMaxKeys, kMaxTensors));
  }
  PT_TRY(const uint64_t alignment, this->alignment());
  PT_TRY(auto out, OutputFile::create(path));
  const std::string head = header(alignment);
  PT_TRY_VOID(out.write(std::as_bytes(std::span(head))));
  for (const Tensor& tensor : tensors_) {
    uint64_t delivered = 0;
    const Sink sink = [&](std::span<const std::byte> bytes) -> Result<void> {
      delivered += bytes.size();
      if (delivered > tensor.bytes) return {};  // refused below, with the whole count
      return out.write(bytes);
    };
    PT_TRY_VOID(tensor.provider(sink));
    if (delivered != tensor.bytes) {
      return bad_tensor(tensor.name,
                        fmt::format("was given {} bytes instead of {}", delivered, tensor.bytes));
    }
    PT_TRY_VOID(out.write_zeros(aligned(tensor.bytes, alignment) - tensor.bytes));
  }
  return out.commit();
}

template void Writer::set(std::string_view, std::string_view);
template void Writer::set(std::string_view, bool);
template void Writer::set_array(std::string_view, std::span<const bool>);

#define PT_NUMERIC_SET(T)                         \
  template void Writer::set(std::string_view, T); \
  template void Writer::set_array(std::string_view, std::span<const T>);
PT_NUMERIC_SET(uint8_t)
PT_NUMERIC_SET(int8_t)
PT_NUMERIC_SET(uint16_t)
PT_NUMERIC_SET(int16_t)
PT_NUMERIC_SET(uint32_t)
PT_NUMERIC_SET(int32_t)
PT_NUMERIC_SET(uint64_t)
PT_NUMERIC_SET(int64_t)
PT_NUMERIC_SET(float)
PT_NUMERIC_SET(double)
#undef PT_NUMERIC_SET

}  // namespace pingti::gguf
