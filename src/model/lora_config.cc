#include "model/lora_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace pingti {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostConfigBytes = 1 << 20;

bool is_off(const Json& value) {
  return value.is_null() || value == false || value == "none" ||
         ((value.is_array() || value.is_object()) && value.empty());
}

// Keys that change what the adapter computes: all must be off.
constexpr const char* kUnsupported[] = {"use_dora",
                                        "use_qalora",
                                        "lora_bias",
                                        "bias",
                                        "modules_to_save",
                                        "fan_in_fan_out",
                                        "layer_replication",
                                        "alora_invocation_tokens",
                                        "trainable_token_indices",
                                        "target_parameters",
                                        "arrow_config",
                                        "kasa_config",
                                        "use_bdlora",
                                        "monteclora_config",
                                        "megatron_config"};

std::unexpected<Error> refuse(const std::string& name, const char* key, std::string what) {
  return fail(ErrorKind::kUnsupported, "lora.config", fmt::format("{}: \"{}\" {}", name, key, what));
}

Result<float> number(const Json& config, const char* key, const std::string& name) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_number()) return refuse(name, key, "is missing or not a number");
  const auto value = found->get<double>();
  if (!(std::abs(value) <= 1e9)) return refuse(name, key, fmt::format("is {}, beyond 1e9", value));
  return static_cast<float>(value);
}

// PEFT matches patterns as regular expressions against the end of a module's name; names without any special
// character but the dot are what its users write.
bool is_plain(std::string_view pattern) {
  return std::ranges::all_of(pattern,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; });
}

bool matches(std::string_view module, std::string_view pattern) {
  if (!module.ends_with(pattern)) return false;
  return module.size() == pattern.size() || module[module.size() - pattern.size() - 1] == '.';
}

}  // namespace

Result<float> LoraConfig::scale(std::string_view module, int64_t rank) const {
  float chosen = alpha;
  for (const auto& [pattern, value] : alpha_pattern) {
    if (matches(module, pattern)) {
      chosen = value;
      break;
    }
  }
  const auto r = static_cast<float>(rank);
  return chosen / (rank_stabilized ? std::sqrt(r) : r);
}

Result<LoraConfig> read_lora_config(const std::filesystem::path& path) {
  PT_TRY(const std::string text, read_file(path, kMostConfigBytes));
  return parse_lora_config(text, path.string());
}

Result<LoraConfig> parse_lora_config(std::string_view text, const std::string& name) {
  const Json config = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object())
    return fail(ErrorKind::kInvalid, "lora.config", fmt::format("{} is not a JSON object", name));
  const Json type = config.value("peft_type", Json());
  if (type != "LORA") return refuse(name, "peft_type", fmt::format("is {}, expected \"LORA\"", type.dump()));
  for (const char* key : kUnsupported) {
    if (const auto found = config.find(key); found != config.end() && !is_off(*found))
      return refuse(name, key, fmt::format("is {}, which is not supported", found->dump().substr(0, 100)));
  }
  LoraConfig out;
  PT_TRY(out.alpha, number(config, "lora_alpha", name));
  if (const auto found = config.find("use_rslora"); found != config.end() && !found->is_null()) {
    if (!found->is_boolean()) return refuse(name, "use_rslora", "is not a boolean");
    out.rank_stabilized = found->get<bool>();
  }
  if (const auto found = config.find("base_model_name_or_path"); found != config.end() && found->is_string())
    out.base_model = found->get<std::string>();
  const auto patterns = config.find("alpha_pattern");
  if (patterns == config.end() || patterns->is_null()) return out;
  if (!patterns->is_object()) return refuse(name, "alpha_pattern", "is not an object");
  for (const auto& [pattern, value] : patterns->items()) {
    if (!is_plain(pattern))
      return refuse(name, "alpha_pattern",
                    fmt::format("holds the regular expression \"{}\"; plain names are supported", pattern));
    PT_TRY(const float alpha, number(*patterns, pattern.c_str(), name));
    out.alpha_pattern.emplace_back(pattern, alpha);
  }
  return out;
}

}  // namespace pingti
