#include "gguf/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

namespace pingti::gguf {
namespace {

using Json = nlohmann::json;

struct Entry {
  const std::string* name = nullptr;
  std::string dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

std::unexpected<Error> invalid(std::string code, std::string message) {
  return fail(ErrorKind::kInvalid, "safetensors." + code, std::move(message), "fetch the file again");
}

std::optional<int> bytes_of(std::string_view dtype) {
  constexpr std::pair<std::string_view, int> kSizes[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
      {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto& [name, bytes] : kSizes) {
    if (name == dtype) return bytes;
  }
  return std::nullopt;
}

const Format* format_of(std::string_view dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16" ? find_format(dtype) : nullptr;
}

bool is_count(const Json& value) { return value.is_number_unsigned(); }

Result<Entry> read_entry(const std::string& name, const Json& value) {
  Entry entry{.name = &name};
  const auto malformed = [&](const char* what) {
    return invalid("header", fmt::format("tensor \"{}\": {}", name, what));
  };
  if (!value.is_object()) return malformed("its description is not an object");
  const auto dtype = value.find("dtype");
  const auto shape = value.find("shape");
  const auto offsets = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string()) return malformed("\"dtype\" is missing or not a string");
  if (shape == value.end() || !shape->is_array() || !std::ranges::all_of(*shape, is_count))
    return malformed("\"shape\" is missing or not a list of counts");
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2 ||
      !std::ranges::all_of(*offsets, is_count))
    return malformed("\"data_offsets\" is missing or not two offsets");
  entry.dtype = dtype->get<std::string>();
  entry.begin = (*offsets)[0].get<uint64_t>();
  entry.end = (*offsets)[1].get<uint64_t>();
  const auto bytes = bytes_of(entry.dtype);
  if (!bytes) return malformed("its dtype is unknown");
  uint64_t size = static_cast<uint64_t>(*bytes);
  for (const Json& dimension : *shape) {
    const auto count = dimension.get<uint64_t>();
    if (__builtin_mul_overflow(size, count, &size) || size > kMaxTensorOffset || count > kMaxTensorOffset)
      return malformed("its shape is too large");
    entry.shape.push_back(static_cast<int64_t>(count));
  }
  if (entry.begin > entry.end || entry.end - entry.begin != size) {
    return invalid("size", fmt::format("tensor \"{}\" holds {} bytes by its shape, but offsets {} to {}",
                                       name, size, entry.begin, entry.end));
  }
  return entry;
}

// Tensors lie end to end, without holes or overlaps.
Result<void> check_layout(const std::vector<Entry>& entries, uint64_t data_bytes) {
  uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      return invalid("layout", fmt::format("tensor \"{}\" begins at byte {} of the data, expected {}",
                                           *entry.name, entry.begin, at));
    }
    at = entry.end;
  }
  if (at != data_bytes) {
    return invalid("truncated",
                   fmt::format("the tensors take {} bytes, but the file holds {}", at, data_bytes));
  }
  return {};
}

Result<Json> parse_header(std::string_view text) {
  if (text.empty() || text.front() != '{') return invalid("header", "the header is not a JSON object");
  Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object())
    return invalid("header", "the header is not a JSON object of tensors");
  return header;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  PT_TRY(MappedFile map, MappedFile::open(path));
  auto file = from_bytes(map.bytes());
  if (!file) {
    Error error = std::move(file).error();
    error.message = fmt::format("{}: {}", path.string(), error.message);
    return std::unexpected(std::move(error));
  }
  file->map_ = std::move(map);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open_memory(std::span<const std::byte> bytes) {
  return from_bytes(bytes);
}

Result<SafetensorsFile> SafetensorsFile::from_bytes(std::span<const std::byte> bytes) {
  uint64_t header_bytes = 0;
  if (bytes.size() < sizeof(header_bytes))
    return invalid("truncated", fmt::format("the file has {} bytes, expected at least 8", bytes.size()));
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  if (header_bytes > kMaxSafetensorsHeader || header_bytes > bytes.size() - sizeof(header_bytes)) {
    return invalid("header",
                   fmt::format("the header has {} bytes by its length field; the file has {}, and {} "
                               "are the most",
                               header_bytes, bytes.size(), kMaxSafetensorsHeader));
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof(header_bytes);
  PT_TRY(const Json header, parse_header(std::string_view(text, header_bytes)));
  const auto data = bytes.subspan(sizeof(header_bytes) + header_bytes);

  SafetensorsFile file;
  std::vector<Entry> entries;
  if (header.size() > kMaxTensors)
    return invalid("limit", fmt::format("{} tensors; {} are the most", header.size(), kMaxTensors));
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    if (name.size() > kMaxTensorNameBytes)
      return invalid("limit", fmt::format("a tensor's name has {} bytes", name.size()));
    file.names_.push_back(name);
    PT_TRY(Entry entry, read_entry(file.names_.back(), value));
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  PT_TRY_VOID(check_layout(entries, data.size()));
  for (const Entry& entry : entries) {
    const Format* format = format_of(entry.dtype);
    if (format == nullptr || entry.shape.empty() || entry.shape.size() > kMaxDims ||
        entry.begin == entry.end) {
      file.skipped_.push_back(fmt::format("{} ({})", *entry.name, entry.dtype));
      continue;
    }
    TensorInfo tensor{.name = *entry.name, .format = format};
    tensor.dim_count = static_cast<int>(entry.shape.size());
    for (size_t i = 0; i < entry.shape.size(); ++i) tensor.dims[i] = entry.shape[entry.shape.size() - 1 - i];
    tensor.offset = static_cast<uint64_t>(data.data() - bytes.data()) + entry.begin;
    tensor.data = data.subspan(entry.begin, entry.end - entry.begin);
    file.index_.emplace(tensor.name, file.tensors_.size());
    file.tensors_.push_back(tensor);
  }
  return file;
}

const TensorInfo* SafetensorsFile::find_tensor(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace pingti::gguf
