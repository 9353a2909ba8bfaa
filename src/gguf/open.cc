// Opening: one file, bytes in memory, or all parts of a split model.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/check.h"
#include "gguf/gguf.h"
#include "gguf/part.h"

namespace pingti::gguf {
namespace {

std::unexpected<Error> in_file(const std::filesystem::path& path, Error error) {
  error.message = fmt::format("{}: {}", path.string(), error.message);
  return std::unexpected(std::move(error));
}

// NAME-00002-of-00005.gguf: the stem is NAME.
struct SplitName {
  std::string stem;
  int count;

  std::string part(int index) const { return fmt::format("{}-{:05}-of-{:05}.gguf", stem, index + 1, count); }
};

std::optional<SplitName> parse_split_name(const std::string& name) {
  constexpr size_t kSuffix = sizeof("-00001-of-00001.gguf") - 1;
  if (name.size() <= kSuffix) return std::nullopt;
  SplitName split{name.substr(0, name.size() - kSuffix), 0};
  const char* count = name.data() + name.size() - 10;
  if (std::from_chars(count, count + 5, split.count).ptr != count + 5) return std::nullopt;
  int number = 0;
  const char* digits = name.data() + split.stem.size() + 1;
  if (std::from_chars(digits, digits + 5, number).ptr != digits + 5) return std::nullopt;
  if (number < 1 || number > split.count || name != split.part(number - 1)) return std::nullopt;
  return split;
}

Result<void> check_split_number(const File& part, std::string_view key, int64_t wanted) {
  PT_TRY(const auto found, part.get<int64_t>(key));
  if (found == wanted) return {};
  return fail(ErrorKind::kInvalid, "gguf.bad_split",
              fmt::format("{} is {} instead of {}", key, found, wanted));
}

}  // namespace

Result<File> File::open_memory(std::span<const std::byte> bytes, OpenOptions options) {
  PT_CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % 8 == 0);
  PT_TRY(auto file, from_bytes(bytes, options));
  if (file.part_count_ > 1 && !options.allow_missing_data) {
    return fail(ErrorKind::kUnsupported, "gguf.bad_split",
                fmt::format("this is one of {} parts of a split model", file.part_count_));
  }
  return file;
}

Result<File> File::open(const std::filesystem::path& path, OpenOptions options) {
  PT_TRY(auto file, open_one(path, options));
  if (file.part_count_ == 1) return file;
  const auto split = parse_split_name(path.filename().string());
  if (!split || split->count != file.part_count_) {
    return in_file(path, Error{ErrorKind::kInvalid, "gguf.split_name",
                               fmt::format("the file is one of {} parts of a split model, but is not named "
                                           "NAME-00001-of-{:05}.gguf",
                                           file.part_count_, file.part_count_),
                               "keep the parts in one folder under their original names"});
  }
  for (int index = 0; index < split->count; ++index) {
    const auto part_path = path.parent_path() / split->part(index);
    auto part = open_one(part_path, options);
    if (!part && index > 0 && options.allow_missing_data && part.error().kind == ErrorKind::kNotFound) {
      file.complete_ = false;
      continue;
    }
    if (!part) return std::unexpected(std::move(part).error());
    for (const auto& [key, wanted] : {std::pair("split.no", index), std::pair("split.count", split->count)}) {
      if (auto good = check_split_number(*part, key, wanted); !good) return in_file(part_path, good.error());
    }
    if (index == 0) {
      file = *std::move(part);
    } else if (auto good = file.absorb(*std::move(part)); !good) {
      return in_file(part_path, good.error());
    }
  }
  if (static_cast<int>(file.parts_.size()) == split->count) {
    const auto tensors = static_cast<int64_t>(file.tensors_.size());
    if (auto good = check_split_number(file, "split.tensors.count", tensors); !good) {
      return in_file(path, good.error());
    }
  }
  return file;
}

Result<File> File::open_one(const std::filesystem::path& path, OpenOptions options) {
  PT_TRY(auto map, MappedFile::open(path));
  auto file = from_bytes(map.bytes(), options);
  if (!file) return in_file(path, std::move(file).error());
  file->parts_.push_back(std::move(map));
  return file;
}

Result<File> File::from_bytes(std::span<const std::byte> bytes, OpenOptions options) {
  PT_TRY(auto part, parse_part(bytes, options));
  File file;
  file.version_ = part.version;
  file.alignment_ = part.alignment;
  file.file_bytes_ = bytes.size();
  file.complete_ = part.complete;
  file.metadata_ = std::move(part.metadata);
  file.key_index_ = std::move(part.key_index);
  for (const TensorInfo& tensor : part.tensors) PT_TRY_VOID(file.add_tensor(tensor));
  PT_TRY(const auto parts, file.get_or<int64_t>("split.count", 1));
  if (parts < 0 || parts > kMaxParts) {
    return fail(ErrorKind::kTooLarge, "gguf.limit",
                fmt::format("split.count is {}; at most {} parts are read", parts, kMaxParts));
  }
  file.part_count_ = std::max(1, static_cast<int>(parts));
  return file;
}

Result<void> File::add_tensor(const TensorInfo& tensor) {
  if (!tensor_index_.emplace(tensor.name, tensors_.size()).second) {
    return fail(ErrorKind::kInvalid, "gguf.duplicate_tensor",
                fmt::format("the tensor '{}' occurs twice", tensor.name));
  }
  tensor_bytes_ += static_cast<uint64_t>(tensor.byte_size());
  tensors_.push_back(tensor);
  return {};
}

Result<void> File::absorb(File part) {
  complete_ = complete_ && part.complete_;
  file_bytes_ += part.file_bytes_;
  for (TensorInfo& tensor : part.tensors_) {
    tensor.part = static_cast<int>(parts_.size());
    PT_TRY_VOID(add_tensor(tensor));
  }
  for (MappedFile& map : part.parts_) parts_.push_back(std::move(map));
  return {};
}

}  // namespace pingti::gguf
