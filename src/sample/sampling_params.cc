#include "sample/sampling_params.h"

#include <cstdio>
#include <limits>

namespace pingti {
namespace {

constexpr double kAny = std::numeric_limits<float>::max();
constexpr size_t kMaxBreakers = 256;
constexpr size_t kMaxBreakerTokens = 64;

struct Range {
  const char* field;
  double value;
  double least;
  double most;
  bool least_excluded = false;
};

std::unexpected<Error> out_of_range(const Range& range) {
  char text[256];
  if (range.most == kAny) {
    std::snprintf(text, sizeof(text), "%s is %g; it must be a number %s %g", range.field, range.value,
                  range.least_excluded ? "above" : "not below", range.least);
  } else {
    std::snprintf(text, sizeof(text), "%s is %g; it must be from %g%s to %g", range.field, range.value,
                  range.least, range.least_excluded ? " (excluded)" : "", range.most);
  }
  return fail(ErrorKind::kInvalid, "sampling.range", text);
}

bool inside(const Range& range) {  // false for NaN
  const bool above = range.least_excluded ? range.value > range.least : range.value >= range.least;
  return above && range.value <= range.most;
}

Result<void> check_breakers(const SamplingParams& params, int64_t vocab) {
  const auto& breakers = params.dry_sequence_breakers;
  const Range count = {"the number of dry_sequence_breakers", static_cast<double>(breakers.size()), 0,
                       kMaxBreakers};
  if (!inside(count)) return out_of_range(count);
  for (const auto& breaker : breakers) {
    const Range length = {"the length of a dry_sequence_breakers entry, in tokens,",
                          static_cast<double>(breaker.size()), 1, kMaxBreakerTokens};
    if (!inside(length)) return out_of_range(length);
    for (const int32_t token : breaker) {
      const Range id = {"a token of dry_sequence_breakers", static_cast<double>(token), 0,
                        static_cast<double>(vocab - 1)};
      if (!inside(id)) return out_of_range(id);
    }
  }
  return {};
}

Result<void> check_tokens(const char* what, const std::vector<int32_t>& tokens, int64_t vocab) {
  for (const int32_t token : tokens) {
    const Range id = {what, static_cast<double>(token), 0, static_cast<double>(vocab - 1)};
    if (!inside(id)) return out_of_range(id);
  }
  return {};
}

Result<void> check_bias(const SamplingParams& params, int64_t vocab) {
  for (const auto& [token, bias] : params.logit_bias) {
    const Range id = {"a token of logit_bias", static_cast<double>(token), 0, static_cast<double>(vocab - 1)};
    if (!inside(id)) return out_of_range(id);
    const Range value = {"a bias of logit_bias", bias, -100, 100};
    if (!inside(value)) return out_of_range(value);
  }
  return {};
}

}  // namespace

Result<void> validate(const SamplingParams& params, int64_t vocab) {
  const Range ranges[] = {
      {"temperature", params.temperature, 0, kAny},
      {"top_k", static_cast<double>(params.top_k), 0, kAny},
      {"top_p", params.top_p, 0, 1},
      {"min_p", params.min_p, 0, 1},
      {"typical_p", params.typical_p, 0, 1},
      {"repetition_penalty", params.repetition_penalty, 0, kAny, true},
      {"presence_penalty", params.presence_penalty, -2, 2},
      {"frequency_penalty", params.frequency_penalty, -2, 2},
      {"penalty_last_n", static_cast<double>(params.penalty_last_n), -1, kAny},
      {"dry_multiplier", params.dry_multiplier, 0, kAny},
      {"dry_base", params.dry_base, 1, kAny},
      {"dry_allowed_length", static_cast<double>(params.dry_allowed_length), 0, kAny},
      {"dry_penalty_last_n", static_cast<double>(params.dry_penalty_last_n), -1, kAny},
      {"xtc_probability", params.xtc_probability, 0, 1},
      {"xtc_threshold", params.xtc_threshold, 0, 1},
  };
  for (const Range& range : ranges) {
    if (!inside(range)) return out_of_range(range);
  }
  PT_TRY_VOID(check_breakers(params, vocab));
  PT_TRY_VOID(check_tokens("a token of allowed_tokens", params.allowed_tokens, vocab));
  PT_TRY_VOID(check_tokens("a token of barred_tokens", params.barred_tokens, vocab));
  return check_bias(params, vocab);
}

}  // namespace pingti
