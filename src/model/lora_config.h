// PEFT's adapter_config.json: how a LoRA adapter is to be scaled.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace pingti {

struct LoraConfig {
  float alpha = 0;
  bool rank_stabilized = false;  // rsLoRA: alpha / sqrt(rank) instead of alpha / rank
  std::vector<std::pair<std::string, float>> alpha_pattern;  // ends of module names, first match wins
  std::string base_model;

  Result<float> scale(std::string_view module, int64_t rank) const;
};

// Refuses, naming the key, whatever would change answers and is not implemented: "lora.config".
Result<LoraConfig> read_lora_config(const std::filesystem::path& path);
// The same of its text; `name` stands in errors.
Result<LoraConfig> parse_lora_config(std::string_view text, const std::string& name);

}  // namespace pingti
