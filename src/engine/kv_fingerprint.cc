#include "engine/kv_fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/version.h"
#include "store/block.h"

namespace pingti {
namespace {

constexpr size_t kSample = 4096;

// First, middle and last bytes.
void add_sample(std::span<const std::byte> data, std::string* text) {
  const size_t size = std::min(kSample, data.size());
  for (const size_t at : {size_t{0}, (data.size() - size) / 2, data.size() - size})
    text->append(reinterpret_cast<const char*>(data.data()) + at, size);
}

// Metadata and tensor table: all before the first tensor's data.
Result<std::string> file_header(const LoadedModel& loaded) {
  uint64_t end = UINT64_MAX;
  for (const gguf::TensorInfo& tensor : loaded.file->tensors()) {
    if (tensor.part == 0) end = std::min(end, tensor.offset);
  }
  PT_TRY(const MappedFile file, MappedFile::open(loaded.path));
  const auto bytes = file.bytes();
  const auto header = bytes.first(std::min<size_t>(bytes.size(), end));
  return std::string(reinterpret_cast<const char*>(header.data()), header.size());
}

}  // namespace

Result<std::string> kv_fingerprint(const LoadedModel& loaded, const EngineOptions& options) {
  std::error_code code;
  const auto size = std::filesystem::file_size(loaded.path, code);
  const auto time = std::filesystem::last_write_time(loaded.path, code).time_since_epoch().count();
  if (code) {
    return fail(ErrorKind::kIo, "kv_store.fingerprint",
                fmt::format("cannot ask for size and time of {}: {}", loaded.path, code.message()));
  }
  PT_TRY(std::string content, file_header(loaded));
  for (const gguf::TensorInfo& tensor : loaded.file->tensors()) {
    content += fmt::format("{} {} {} {};", tensor.name, tensor.part, tensor.offset, tensor.data.size());
    add_sample(tensor.data, &content);
  }
  std::string text = fmt::format(
      "pingti {} numerics {}; isa {}; kv {}; activations {}; attention {}; adapter none; {} bytes, time {}; "
      "content {};",
      kVersion, kKvNumericsVersion, loaded.kernels->isa, options.kv_type,
      options.activations_f32 ? "f32" : "int8", describe(loaded.attention), size, time,
      to_hex(root_block_name(content, "")));
  for (const KvGroup& group : loaded.model->kv_groups()) {
    text += fmt::format(" group window {} sinks {} page {} tokens {} bytes layers {};", group.window,
                        group.sinks, kPageTokens, group.page_bytes, fmt::join(group.layers, ","));
  }
  return text;
}

}  // namespace pingti
