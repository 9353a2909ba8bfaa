// The fields that chat and text completions share.
//
// Defaults and ranges are OpenAI's where it has the field, llama-server's otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wire/field_reader.h"
#include "wire/output_format.h"

namespace pingti::wire {

struct SamplingFields {
  float temperature = 1;
  float top_p = 1;
  int64_t top_k = 0;
  float min_p = 0;
  float typical_p = 1;
  float repetition_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int64_t repeat_last_n = -1;
  float dry_multiplier = 0;
  float dry_base = 1.75f;
  int64_t dry_allowed_length = 2;
  int64_t dry_penalty_last_n = -1;
  std::optional<std::vector<std::string>> dry_sequence_breakers;  // absent: the server's choice
  float xtc_probability = 0;
  float xtc_threshold = 0.1f;
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<int32_t> allowed_token_ids;  // empty: all
  std::optional<uint64_t> seed;
};

struct CommonFields {
  std::string model;  // empty: not given
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;  // every chunk carries the usage so far
  int64_t n = 1;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  bool include_stop = false;  // the stop string that ends an answer is shown
  bool ignore_eos = false;
  int64_t min_tokens = 0;
  bool skip_special = true;  // control tokens are not shown
  std::string cache_key;   // also prompt_cache_key; empty: none
  std::string cache_salt;  // empty: none
  SamplingFields sampling;
  OutputFormat output;

  // About serving; no answer depends on these.
  std::optional<int64_t> own_priority;  // "priority": lower is served first
  std::string service_tier;             // "auto", "default", "flex", "priority", or empty: not given
  double timeout_seconds = 0;           // "timeout"; 0: not given

  // The field "priority", or what the tier stands for.
  int priority() const;
  // As an answer names it: "auto" is "default" here. Empty: the request did not ask.
  std::string tier_served() const { return service_tier == "auto" ? "default" : service_tier; }
};

// What the service tiers mean as priorities.
constexpr int kPriorityTier = -100;
constexpr int kFlexTier = 100;

constexpr int64_t kMostChoices = 128;
constexpr size_t kMostStopStrings = 16;
constexpr size_t kMostCacheNameBytes = 256;
constexpr int64_t kMostTopLogprobs = 20;
constexpr size_t kMostStopTokens = 1024;
constexpr size_t kMostAllowedTokens = 1 << 20;

// Reads them from the request; problems are left in the reader.
void read_common(FieldReader& fields, CommonFields* out);

}  // namespace pingti::wire
