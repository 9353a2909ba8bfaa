#include "wire/request_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace pingti::wire {
namespace {

constexpr float kAnyFloat = std::numeric_limits<float>::max();
constexpr int64_t kMostPriority = 1'000'000;
constexpr std::array<std::string_view, 4> kServiceTiers = {"auto", "default", "flex", "priority"};
constexpr int64_t kAnyCount = std::numeric_limits<int32_t>::max();

// {"token id": bias, ...}
void read_logit_bias(FieldReader& fields, std::vector<std::pair<int32_t, float>>* out) {
  const Json* value = fields.take("logit_bias");
  if (!value) return;
  if (!value->is_object())
    return fields.fail_type("logit_bias", "an object from token ids to biases", *value);
  for (const auto& [key, bias] : value->items()) {
    int32_t id = -1;
    auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (code != std::errc() || end != key.data() + key.size() || id < 0) {
      return fields.fail(invalid_field(
          "logit_bias",
          fmt::format("'logit_bias' has the member {}, which is not a token id.", describe(Json(key)))));
    }
    if (!bias.is_number()) return fields.fail_type("logit_bias", "an object whose values are numbers", bias);
    double number = bias.get<double>();
    if (!(number >= -100 && number <= 100)) {
      return fields.fail(invalid_field(
          "logit_bias",
          fmt::format("'logit_bias' of token {} must be from -100 to 100, not {}.", id, to_text(bias))));
    }
    out->emplace_back(id, static_cast<float>(number));
  }
}

void read_sampling(FieldReader& fields, SamplingFields* out) {
  fields.number("temperature", &out->temperature, 0, 100);
  fields.number("top_p", &out->top_p, 0, 1);
  fields.integer("top_k", &out->top_k, -1, kAnyCount);
  if (out->top_k < 0) out->top_k = 0;  // how vLLM spells "all"
  fields.number("min_p", &out->min_p, 0, 1);
  fields.number("typical_p", &out->typical_p, 0, 1);
  float alias = 1;
  bool named = fields.number("repetition_penalty", &out->repetition_penalty, 0.001f, 1000);
  if (fields.number("repeat_penalty", &alias, 0.001f, 1000)) {
    if (named && alias != out->repetition_penalty) {
      fields.fail(invalid_field("repeat_penalty",
                                "'repeat_penalty' and 'repetition_penalty' are two names of one "
                                "setting and have different values."));
    }
    out->repetition_penalty = alias;
  }
  fields.number("presence_penalty", &out->presence_penalty, -2, 2);
  fields.number("frequency_penalty", &out->frequency_penalty, -2, 2);
  fields.integer("repeat_last_n", &out->repeat_last_n, -1, kAnyCount);
  fields.number("dry_multiplier", &out->dry_multiplier, 0, kAnyFloat);
  fields.number("dry_base", &out->dry_base, 1, kAnyFloat);
  fields.integer("dry_allowed_length", &out->dry_allowed_length, 0, kAnyCount);
  fields.integer("dry_penalty_last_n", &out->dry_penalty_last_n, -1, kAnyCount);
  std::vector<std::string> breakers;
  if (fields.strings("dry_sequence_breakers", &breakers, 64))
    out->dry_sequence_breakers = std::move(breakers);
  fields.number("xtc_probability", &out->xtc_probability, 0, 1);
  fields.number("xtc_threshold", &out->xtc_threshold, 0, 1);
  read_logit_bias(fields, &out->logit_bias);
  if (fields.token_ids("allowed_token_ids", &out->allowed_token_ids, kMostAllowedTokens) &&
      out->allowed_token_ids.empty()) {
    fields.fail(invalid_field("allowed_token_ids", "'allowed_token_ids' must hold at least one id."));
  }
  fields.seed("seed", &out->seed);
}

// vLLM's names.
void read_ends(FieldReader& fields, CommonFields* out) {
  fields.strings("stop", &out->stop, kMostStopStrings);
  fields.token_ids("stop_token_ids", &out->stop_token_ids, kMostStopTokens);
  fields.boolean("include_stop_str_in_output", &out->include_stop);
  fields.boolean("ignore_eos", &out->ignore_eos);
  fields.boolean("skip_special_tokens", &out->skip_special);
  fields.integer("min_tokens", &out->min_tokens, 0, kAnyCount);
  if (out->min_tokens > 0 && !out->stop.empty()) {
    fields.fail(unsupported_field("min_tokens",
                                  "'min_tokens' together with 'stop' is not supported by this server."));
  }
  if (out->include_stop && !out->stop_token_ids.empty()) {
    fields.fail(unsupported_field("include_stop_str_in_output",
                                  "'include_stop_str_in_output' together with 'stop_token_ids' is not "
                                  "supported by this server: it shows stop strings only."));
  }
}

void read_serving(FieldReader& fields, CommonFields* out) {
  int64_t priority = 0;
  if (fields.integer("priority", &priority, -kMostPriority, kMostPriority)) out->own_priority = priority;
  if (fields.string("service_tier", &out->service_tier) &&
      std::ranges::find(kServiceTiers, out->service_tier) == kServiceTiers.end()) {
    fields.fail(invalid_field(
        "service_tier", fmt::format("'service_tier' must be \"auto\", \"default\", \"flex\" or \"priority\", "
                                    "not {}.",
                                    describe(Json(out->service_tier)))));
  }
  float seconds = 0;
  if (fields.number("timeout", &seconds, 0.001f, 1e6f)) out->timeout_seconds = seconds;
}

bool read_cache_name(FieldReader& fields, const char* name, std::string* out) {
  std::string text;
  if (!fields.string(name, &text)) return false;
  if (text.empty() || text.size() > kMostCacheNameBytes) {
    fields.fail(invalid_field(name, fmt::format("'{}' must have from 1 to {} bytes, not {}.", name,
                                                kMostCacheNameBytes, text.size())));
    return false;
  }
  *out = std::move(text);
  return true;
}

void read_cache(FieldReader& fields, CommonFields* out) {
  read_cache_name(fields, "cache_salt", &out->cache_salt);
  const bool named = read_cache_name(fields, "cache_key", &out->cache_key);
  std::string alias;
  if (!read_cache_name(fields, "prompt_cache_key", &alias)) return;
  if (named && alias != out->cache_key) {
    fields.fail(invalid_field("prompt_cache_key",
                              "'prompt_cache_key' and 'cache_key' are two names of one setting and have "
                              "different values."));
  }
  out->cache_key = std::move(alias);
}

}  // namespace

int CommonFields::priority() const {
  if (own_priority) return static_cast<int>(*own_priority);
  if (service_tier == "priority") return kPriorityTier;
  return service_tier == "flex" ? kFlexTier : 0;
}

void read_common(FieldReader& fields, CommonFields* out) {
  fields.string("model", &out->model);
  fields.boolean("stream", &out->stream);
  if (const Json* options = fields.take("stream_options")) {
    FieldReader inner(*options, "stream_options");
    inner.boolean("include_usage", &out->include_usage);
    inner.boolean("continuous_usage_stats", &out->continuous_usage);
    inner.ignore({"include_obfuscation"});
    if (auto error = inner.finish()) fields.fail(std::move(*error));
    if (!out->stream) fields.fail(invalid_field("stream_options", "'stream_options' needs 'stream': true."));
  }
  fields.integer("n", &out->n, 1, kMostChoices);
  read_ends(fields, out);
  read_sampling(fields, &out->sampling);
  read_output_format(fields, &out->output);
  read_serving(fields, out);
  read_cache(fields, out);
  // About accounting, storage and speed at the provider; none changes an answer.
  fields.ignore({"user", "metadata", "store", "safety_identifier", "prompt_cache_retention", "cache_prompt"});
}

}  // namespace pingti::wire
