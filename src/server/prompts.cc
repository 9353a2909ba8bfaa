#include "server/prompts.h"

#include <fmt/format.h>

#include <optional>
#include <random>

#include "engine/chat_tokens.h"
#include "engine/dry_breakers.h"
#include "server/chat_input.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

uint64_t random_seed() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return random();
}

SamplingParams sampling_params(const Engine& engine, const wire::SamplingFields& fields) {
  SamplingParams params;
  params.temperature = fields.temperature;
  params.top_k = static_cast<int>(fields.top_k);
  params.top_p = fields.top_p;
  params.min_p = fields.min_p;
  params.typical_p = fields.typical_p;
  params.repetition_penalty = fields.repetition_penalty;
  params.presence_penalty = fields.presence_penalty;
  params.frequency_penalty = fields.frequency_penalty;
  params.penalty_last_n = static_cast<int>(fields.repeat_last_n);
  params.dry_multiplier = fields.dry_multiplier;
  params.dry_base = fields.dry_base;
  params.dry_allowed_length = static_cast<int>(fields.dry_allowed_length);
  params.dry_penalty_last_n = static_cast<int>(fields.dry_penalty_last_n);
  params.xtc_probability = fields.xtc_probability;
  params.xtc_threshold = fields.xtc_threshold;
  params.logit_bias = fields.logit_bias;
  params.seed = fields.seed.value_or(random_seed());
  if (params.dry_multiplier > 0) {
    params.dry_sequence_breakers =
        dry_breakers(engine.tokenizer(), fields.dry_sequence_breakers.value_or(default_dry_breakers()));
  }
  return params;
}

std::optional<wire::ApiError> cannot_fit(const ServedModel& model, size_t bytes) {
  const size_t least = bytes / model.longest_token;
  const int64_t room = model.engine->info().context;
  if (least <= static_cast<size_t>(room)) return std::nullopt;
  return too_long(fmt::format("The prompt has at least {} tokens, but the context holds {}, answer included.",
                              least, room),
                  least, room);
}

}  // namespace

wire::ApiError too_long(std::string message, size_t prompt_tokens, int64_t context) {
  return {.message = std::move(message),
          .code = "context_length_exceeded",
          .extra = {{"n_prompt_tokens", prompt_tokens}, {"n_ctx", context}}};
}

wire::ApiResult<std::vector<int32_t>> chat_prompt(const ServedModel& model,
                                                  const wire::ChatRequest& request) {
  const Engine& engine = *model.engine;
  auto text = engine.chat_template().render(chat_input(model, request));
  if (!text) {
    wire::ApiError error = wire::from_error(text.error());
    error.status = 400;
    error.type = "invalid_request_error";
    error.param = "messages";
    error.message = "The model's chat template refuses these messages: " + error.message;
    return std::unexpected(std::move(error));
  }
  *text += closed_thinking(model, request, *text);
  if (auto error = cannot_fit(model, text->size())) return std::unexpected(std::move(*error));
  return encode_chat(engine.tokenizer(), *text);
}

wire::ApiResult<std::vector<int32_t>> completion_prompt(const ServedModel& model, const wire::Prompt& prompt,
                                                        const std::string& suffix) {
  const Tokenizer& tokenizer = model.engine->tokenizer();
  const auto* text = std::get_if<std::string>(&prompt);
  if (auto error = cannot_fit(model, suffix.size() + (text ? text->size() : 0))) {
    return std::unexpected(std::move(*error));
  }
  if (suffix.empty()) {
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) return *ids;
    return tokenizer.encode(*text);
  }
  const Vocab& vocab = tokenizer.vocab();
  if (vocab.fim_prefix < 0 || vocab.fim_suffix < 0 || vocab.fim_middle < 0) {
    return std::unexpected(wire::unsupported_field(
        "suffix", "'suffix' is not supported: this model has no fill-in-the-middle tokens."));
  }
  EncodeOptions plain{.add_special = false, .parse_special = false};
  std::vector<int32_t> before =
      text ? tokenizer.encode(*text, plain) : std::get<std::vector<int32_t>>(prompt);
  std::vector<int32_t> after = tokenizer.encode(suffix, plain);
  std::vector<int32_t> ids;
  if (vocab.add_bos && vocab.bos >= 0) ids.push_back(vocab.bos);
  ids.push_back(vocab.fim_prefix);
  ids.insert(ids.end(), before.begin(), before.end());
  ids.push_back(vocab.fim_suffix);
  ids.insert(ids.end(), after.begin(), after.end());
  ids.push_back(vocab.fim_middle);
  return ids;
}

wire::ApiResult<GenerationRequest> generation_request(const Engine& engine,
                                                      const wire::CommonFields& fields) {
  GenerationRequest request;
  request.choices = static_cast<int>(fields.n);
  request.sampling = sampling_params(engine, fields.sampling);
  request.stop = fields.stop;
  request.ignore_eos = fields.ignore_eos;
  if (auto valid = validate(request.sampling, engine.info().vocab); !valid) {
    return std::unexpected(wire::from_error(valid.error()));
  }
  return request;
}

}  // namespace pingti
