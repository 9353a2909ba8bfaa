#include "model/architecture.h"

#include <fmt/format.h>

#include <cmath>

namespace pingti {

#define PINGTI_ARCHITECTURE(name) extern const Architecture name;
#include "model/arch/archs.inc"
#undef PINGTI_ARCHITECTURE

namespace {

constinit const Architecture* const kArchitectures[] = {
#define PINGTI_ARCHITECTURE(name) &name,
#include "model/arch/archs.inc"
#undef PINGTI_ARCHITECTURE
};

// Reads "<architecture>.<key>".
class Keys {
 public:
  Keys(const gguf::File& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  Result<int> positive(const char* key) const {
    PT_TRY(const int64_t value, file_.get<int64_t>(prefix_ + key));
    return in_range(key, value);
  }
  Result<int> positive_or(const char* key, int64_t fallback) const {
    PT_TRY(const int64_t value, file_.get_or<int64_t>(prefix_ + key, fallback));
    return in_range(key, value);
  }
  Result<float> number_or(const char* key, float fallback) const {
    PT_TRY(const float value, file_.get_or<float>(prefix_ + key, fallback));
    if (!std::isfinite(value)) {
      return fail(ErrorKind::kInvalid, "model.bad_value",
                  fmt::format("{}{} is {}, expected a finite number", prefix_, key, value));
    }
    return value;
  }
  // One value that must hold for all layers.
  Result<int> same_for_all_layers(const char* key, int64_t fallback, int layers) const {
    if (!file_.has(prefix_ + key)) return in_range(key, fallback);
    PT_TRY(const auto values, file_.get_per_layer<int64_t>(prefix_ + key, layers));
    for (int64_t value : values) {
      if (value != values.front()) {
        return fail(ErrorKind::kUnsupported, "model.unsupported",
                    fmt::format("{}{} differs between layers ({} and {}), which is not supported", prefix_,
                                key, values.front(), value));
      }
    }
    return in_range(key, values.front());
  }
  const std::string& prefix() const { return prefix_; }

 private:
  Result<int> in_range(const char* key, int64_t value) const {
    constexpr int64_t kMost = int64_t{1} << 24;
    if (value < 1 || value > kMost) {
      return fail(ErrorKind::kInvalid, "model.bad_value",
                  fmt::format("{}{} is {}, expected 1 to {}", prefix_, key, value, kMost));
    }
    return static_cast<int>(value);
  }

  const gguf::File& file_;
  std::string prefix_;
};

Result<void> read_rope(const gguf::File& file, const Keys& keys, ModelConfig& config) {
  PT_TRY(config.rotary_dim, keys.positive_or("rope.dimension_count", config.head_dim));
  if (config.rotary_dim > config.head_dim || config.rotary_dim % 2 != 0) {
    return fail(ErrorKind::kInvalid, "model.bad_value",
                fmt::format("{}rope.dimension_count is {}, expected an even number up to the head size {}",
                            keys.prefix(), config.rotary_dim, config.head_dim));
  }
  PT_TRY(const float base, keys.number_or("rope.freq_base", 10000.0f));
  PT_TRY(const std::string type, file.get_or<std::string>(keys.prefix() + "rope.scaling.type", "none"));
  PT_TRY(const float factor, keys.number_or("rope.scaling.factor", 1.0f));
  if (base <= 0 || factor <= 0) {
    return fail(ErrorKind::kInvalid, "model.bad_value",
                fmt::format("{}rope.freq_base {} and rope.scaling.factor {} must be positive", keys.prefix(),
                            base, factor));
  }
  if (type != "none" && type != "linear" && factor != 1.0f) {
    return fail(
        ErrorKind::kUnsupported, "model.unsupported",
        fmt::format("{}rope.scaling.type is \"{}\"; supported are none and linear", keys.prefix(), type));
  }
  const LayerAttention layer{
      .window = 0, .rope_base = base, .rope_scale = type == "linear" ? 1.0f / factor : 1.0f};
  config.attention.assign(static_cast<size_t>(config.layers), layer);
  return {};
}

Result<ModelConfig> read_common_config(const gguf::File& file, const Architecture& architecture) {
  const Keys keys(file, architecture.name);
  ModelConfig config;
  config.architecture = architecture.name;
  PT_TRY(config.name, file.get_or<std::string>("general.name", architecture.name));
  PT_TRY(config.layers, keys.positive("block_count"));
  if (config.layers > 4096) {
    return fail(ErrorKind::kInvalid, "model.bad_value",
                fmt::format("{}block_count is {}, expected at most 4096", keys.prefix(), config.layers));
  }
  PT_TRY(config.hidden, keys.positive("embedding_length"));
  PT_TRY(config.ffn, keys.same_for_all_layers("feed_forward_length", 0, config.layers));
  PT_TRY(config.heads, keys.same_for_all_layers("attention.head_count", 0, config.layers));
  PT_TRY(config.kv_heads, keys.same_for_all_layers("attention.head_count_kv", config.heads, config.layers));
  PT_TRY(config.head_dim, keys.positive_or("attention.key_length", config.hidden / config.heads));
  PT_TRY(const int value_dim, keys.positive_or("attention.value_length", config.head_dim));
  PT_TRY(config.max_context, keys.positive_or("context_length", 2048));
  PT_TRY(config.norm_eps, keys.number_or("attention.layer_norm_rms_epsilon", 1e-5f));
  if (config.heads % config.kv_heads != 0) {
    return fail(ErrorKind::kInvalid, "model.bad_value",
                fmt::format("{}attention.head_count {} is no multiple of head_count_kv {}", keys.prefix(),
                            config.heads, config.kv_heads));
  }
  if (config.head_dim % 16 != 0 || config.head_dim > 576 || value_dim != config.head_dim) {
    return fail(ErrorKind::kUnsupported, "model.unsupported",
                fmt::format("head size {} (values {}): supported are equal multiples of 16 up to 576",
                            config.head_dim, value_dim));
  }
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  PT_TRY_VOID(read_rope(file, keys, config));
  return config;
}

}  // namespace

std::span<const Architecture* const> all_architectures() { return kArchitectures; }

Result<const Architecture*> find_architecture(const gguf::File& file) {
  PT_TRY(const std::string name, file.get<std::string>("general.architecture"));
  std::string known;
  for (const Architecture* architecture : kArchitectures) {
    if (name == architecture->name) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture->name);
  }
  return fail(
      ErrorKind::kUnsupported, "model.unknown_architecture",
      fmt::format("the file's architecture is \"{}\"; this version runs {}", name.substr(0, 64), known));
}

Result<ModelConfig> read_config(const gguf::File& file, const Architecture& architecture) {
  PT_TRY(ModelConfig config, read_common_config(file, architecture));
  PT_TRY_VOID(architecture.adapt(file, config));
  return config;
}

}  // namespace pingti
