#include "cli/inspect_report.h"

#include <algorithm>

#include "base/machine.h"
#include "model/architecture.h"

namespace pingti {
namespace {

// Elements of an array shown in JSON before it is cut.
constexpr uint64_t kShownElements = 8;

// KV cache of `context` tokens in f16; sliding-window layers keep their window only.
std::optional<int64_t> kv_bytes(const gguf::File& file, const gguf::Summary& summary, int64_t context) {
  constexpr int64_t kBytesPerToken = 2 * 2;  // keys and values of two bytes
  if (const auto architecture = find_architecture(file)) {
    if (const auto config = read_config(file, **architecture)) {
      int64_t tokens = 0;
      for (const LayerAttention& layer : config->attention) {
        tokens += layer.window > 0 ? std::min<int64_t>(context, layer.window) : context;
      }
      return tokens * config->kv_heads * config->head_dim * kBytesPerToken;
    }
  }
  if (!summary.layers || !summary.kv_heads || !summary.head_dim) return std::nullopt;
  // In floating point first: the facts are the file's and may be absurd.
  const double bytes = static_cast<double>(*summary.layers) * static_cast<double>(*summary.kv_heads) *
                       static_cast<double>(*summary.head_dim) * static_cast<double>(context) * kBytesPerToken;
  if (bytes > 1e15) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

std::string why_unsupported(const gguf::File& file) {
  const auto architecture = find_architecture(file);
  if (!architecture) return architecture.error().message;
  const auto config = read_config(file, **architecture);
  return config ? "" : config.error().message;
}

template <class T>
nlohmann::json first_elements(const gguf::File& file, std::string_view key) {
  auto json = nlohmann::json::array();
  const auto values = file.get_array<T>(key);
  for (size_t i = 0; values && i < std::min<size_t>(values->size(), kShownElements); ++i) {
    json.push_back(static_cast<T>((*values)[i]));
  }
  return json;
}

nlohmann::json first_strings(const gguf::File& file, std::string_view key) {
  auto json = nlohmann::json::array();
  const auto values = file.get_strings(key);
  for (size_t i = 0; values && i < std::min<size_t>(values->size(), kShownElements); ++i) {
    json.push_back(std::string((*values)[i]));
  }
  return json;
}

nlohmann::json array_json(const gguf::File& file, std::string_view key, const gguf::Array& array) {
  nlohmann::json json{{"type", "array"}, {"element_type", name_of(array.element)}, {"count", array.count}};
  nlohmann::json& first = json["first"];
  switch (array.element) {
    case gguf::ValueType::kString:
      first = first_strings(file, key);
      break;
    case gguf::ValueType::kBool:
      first = first_elements<bool>(file, key);
      break;
    case gguf::ValueType::kFloat32:
    case gguf::ValueType::kFloat64:
      first = first_elements<double>(file, key);
      break;
    case gguf::ValueType::kUint64:
      first = first_elements<uint64_t>(file, key);
      break;
    default:
      first = first_elements<int64_t>(file, key);
  }
  return json;
}

nlohmann::json metadata_json(const gguf::File& file) {
  auto json = nlohmann::json::object();
  for (const auto& [key, value] : file.metadata()) {
    const auto add = [&, &key = key]<class T>(const T& stored) {
      if constexpr (std::is_same_v<T, gguf::Array>) {
        json[std::string(key)] = array_json(file, key, stored);
      } else {
        json[std::string(key)] = {{"type", name_of(type_of(gguf::Value(stored)))}, {"value", stored}};
      }
    };
    std::visit(add, value);
  }
  return json;
}

nlohmann::json tensors_json(const gguf::File& file) {
  auto json = nlohmann::json::array();
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    const auto* dims = tensor.dims.data();
    json.push_back({{"name", std::string(tensor.name)},
                    {"format", tensor.format->name},
                    {"dims", std::vector<int64_t>(dims, dims + tensor.dim_count)},
                    {"bytes", tensor.byte_size()},
                    {"part", tensor.part},
                    {"offset", tensor.offset},
                    {"present", tensor.present()}});
  }
  return json;
}

nlohmann::json facts_json(const gguf::Summary& summary) {
  nlohmann::json json{
      {"name", summary.name}, {"architecture", summary.architecture}, {"parameters", summary.parameters}};
  const std::pair<const char*, const std::optional<int64_t>&> facts[] = {
      {"layers", summary.layers},
      {"hidden", summary.hidden},
      {"ffn", summary.ffn},
      {"heads", summary.heads},
      {"kv_heads", summary.kv_heads},
      {"head_dim", summary.head_dim},
      {"context", summary.context},
      {"window", summary.window},
      {"vocab", summary.vocab},
      {"experts", summary.experts},
      {"experts_used", summary.experts_used},
  };
  for (const auto& [key, fact] : facts) json[key] = fact ? nlohmann::json(*fact) : nlohmann::json();
  return json;
}

}  // namespace

Result<InspectReport> make_report(const std::string& path, int64_t context) {
  PT_TRY(auto file, gguf::File::open(path, {.allow_missing_data = true}));
  const gguf::Summary summary = gguf::summarize(file);
  const int64_t missing =
      std::ranges::count_if(file.tensors(), [](const gguf::TensorInfo& tensor) { return !tensor.present(); });
  const auto kv = kv_bytes(file, summary, context);
  std::string unsupported = why_unsupported(file);
  return InspectReport{.path = path,
                       .file = std::move(file),
                       .summary = summary,
                       .unsupported = std::move(unsupported),
                       .missing_tensors = missing,
                       .context = context,
                       .kv_bytes = kv,
                       .available_bytes = available_memory(),
                       .cpus = available_cpus()};
}

nlohmann::json to_json(const InspectReport& report, bool tensors) {
  nlohmann::json json{{"model", facts_json(report.summary)}, {"metadata", metadata_json(report.file)}};
  json["file"] = {{"path", report.path},
                  {"version", report.file.version()},
                  {"alignment", report.file.alignment()},
                  {"parts", report.file.part_count()},
                  {"bytes", report.file.file_bytes()},
                  {"tensors", report.file.tensors().size()},
                  {"complete", report.file.complete()},
                  {"missing_tensors", report.missing_tensors}};
  json["model"]["supported"] = report.unsupported.empty();
  if (!report.unsupported.empty()) json["model"]["unsupported_because"] = report.unsupported;
  auto& formats = json["formats"] = nlohmann::json::array();
  for (const gguf::FormatShare& share : report.summary.formats) {
    formats.push_back({{"format", share.format->name},
                       {"tensors", share.tensors},
                       {"values", share.values},
                       {"bytes", share.bytes},
                       {"bits_per_weight", share.format->bits_per_value()}});
  }
  json["memory_estimate"] = {{"context", report.context},
                             {"weights_bytes", report.file.tensor_bytes()},
                             {"kv_cache_bytes", report.kv_bytes ? nlohmann::json(*report.kv_bytes) : nullptr},
                             {"available_bytes", report.available_bytes}};
  json["speed_estimate"] = {{"cpus", report.cpus},
                            {"read_bytes_per_second", report.read_bandwidth},
                            {"bytes_per_token", report.summary.decode_bytes},
                            {"decode_tokens_per_second", report.decode_speed()}};
  if (tensors) json["tensors"] = tensors_json(report.file);
  return json;
}

}  // namespace pingti
