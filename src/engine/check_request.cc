#include <fmt/format.h>

#include <algorithm>

#include "engine/local_engine.h"

namespace pingti {
namespace {

constexpr int kMaxChoices = 128;
constexpr size_t kMaxStops = 64;

Result<void> check_fit(const GenerationRequest& request, const EngineInfo& info) {
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t least = prompt + (request.max_tokens == 0 ? 0 : 1);
  if (least <= info.context) return {};
  return fail(ErrorKind::kTooLarge, "engine.context",
              fmt::format("the prompt has {} tokens, but the context holds {}, answer included", prompt,
                          info.context),
              info.context < info.trained_context ? "shorten the prompt or start with a larger --ctx"
                                                  : "shorten the prompt");
}

}  // namespace

Result<void> check_request(const GenerationRequest& request, const EngineInfo& info) {
  if (request.prompt.empty())
    return fail(ErrorKind::kInvalid, "engine.empty_prompt", "the prompt has no tokens");
  for (const int32_t token : request.prompt) {
    if (token >= 0 && token < info.vocab) continue;
    return fail(ErrorKind::kInvalid, "engine.token",
                fmt::format("prompt token {} is outside the vocabulary of {}", token, info.vocab));
  }
  for (const int32_t token : request.thinking ? request.thinking->forced : std::vector<int32_t>()) {
    if (token >= 0 && token < info.vocab) continue;
    return fail(ErrorKind::kInvalid, "engine.token",
                fmt::format("forced token {} is outside the vocabulary of {}", token, info.vocab));
  }
  if (request.choices < 1 || request.choices > kMaxChoices) {
    return fail(ErrorKind::kInvalid, "engine.choices",
                fmt::format("{} choices are wanted; between 1 and {} can be", request.choices, kMaxChoices));
  }
  if (request.max_tokens < -1) {
    return fail(ErrorKind::kInvalid, "engine.max_tokens",
                fmt::format("max_tokens is {}; it must be -1 or more", request.max_tokens));
  }
  if (request.embed != Pooling::kNone && (request.max_tokens != 0 || request.choices != 1)) {
    return fail(ErrorKind::kInvalid, "engine.embed",
                fmt::format("an embedding is wanted together with {} choices of {} tokens; it is made of the "
                            "prompt alone",
                            request.choices, request.max_tokens));
  }
  if (request.top_logprobs < -1 || request.top_logprobs > info.vocab) {
    return fail(ErrorKind::kInvalid, "engine.top_logprobs",
                fmt::format("{} top logprobs are wanted; the vocabulary has {} tokens", request.top_logprobs,
                            info.vocab));
  }
  if (request.constraint && request.ignore_eos) {
    return fail(ErrorKind::kInvalid, "engine.constraint",
                "ignore_eos cannot be had with a form of the answer, which ends it");
  }
  if (request.stop.size() > kMaxStops || std::ranges::any_of(request.stop, &std::string::empty)) {
    return fail(ErrorKind::kInvalid, "engine.stop",
                fmt::format("there may be up to {} stop strings, none of them empty", kMaxStops));
  }
  for (const int32_t token : request.stop_tokens) {
    if (token >= 0 && token < info.vocab) continue;
    return fail(ErrorKind::kInvalid, "engine.token",
                fmt::format("stop token {} is outside the vocabulary of {}", token, info.vocab));
  }
  PT_TRY_VOID(validate(request.sampling, info.vocab));
  return check_fit(request, info);
}

}  // namespace pingti
