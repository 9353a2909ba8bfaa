#include "server/prompts.h"

#include <fmt/format.h>

#include <optional>
#include <random>

#include "engine/chat_tokens.h"
#include "engine/dry_breakers.h"
#include "server/output_constraint.h"
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
  params.allowed_tokens = fields.allowed_token_ids;
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

wire::ApiResult<std::string> render_chat(const ServedModel& model, const wire::ChatRequest& request,
                                         bool add_generation_prompt) {
  const Engine& engine = *model.engine;
  ChatTemplateInput input = chat_input(model, request);
  input.add_generation_prompt = add_generation_prompt;
  auto text = engine.chat_template().render(input);
  if (!text) {
    wire::ApiError error = wire::from_error(text.error());
    error.status = 400;
    error.type = "invalid_request_error";
    error.param = "messages";
    error.message = "The model's chat template refuses these messages: " + error.message;
    return std::unexpected(std::move(error));
  }
  if (add_generation_prompt) *text += closed_thinking(model, request, *text);
  if (!request.continuation.empty() && ChatTemplate::ends_inside_thinking(*text)) {
    return std::unexpected(wire::unsupported_field(
        "messages",
        "This model's answers begin with reasoning, so that a last message of the assistant cannot "
        "be continued."));
  }
  *text += request.continuation;
  if (auto error = cannot_fit(model, text->size())) return std::unexpected(std::move(*error));
  return *std::move(text);
}

wire::ApiResult<std::vector<int32_t>> chat_prompt(const ServedModel& model,
                                                  const wire::ChatRequest& request) {
  auto text = render_chat(model, request);
  if (!text) return std::unexpected(std::move(text.error()));
  return encode_chat(model.engine->tokenizer(), *text);
}

wire::ApiResult<std::vector<int32_t>> completion_prompt(const ServedModel& model, const wire::Prompt& prompt,
                                                        const std::string& suffix, bool add_special) {
  const Tokenizer& tokenizer = model.engine->tokenizer();
  const auto* text = std::get_if<std::string>(&prompt);
  if (auto error = cannot_fit(model, suffix.size() + (text ? text->size() : 0))) {
    return std::unexpected(std::move(*error));
  }
  if (suffix.empty()) {
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) return *ids;
    return tokenizer.encode(*text, {.add_special = add_special});
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

// llama-server's layout: where a model has tokens for it, the repository and its files are marked.
wire::ApiResult<std::vector<int32_t>> infill_prompt(const ServedModel& model, const Infill& infill) {
  const Tokenizer& tokenizer = model.engine->tokenizer();
  const Vocab& vocab = tokenizer.vocab();
  size_t bytes = infill.prefix.size() + infill.suffix.size() + infill.beginning.size();
  for (const auto& [name, text] : infill.files) bytes += name.size() + text.size();
  if (auto error = cannot_fit(model, bytes)) return std::unexpected(std::move(*error));
  if (vocab.fim_prefix < 0 || vocab.fim_suffix < 0 || vocab.fim_middle < 0) {
    return std::unexpected(wire::unsupported_field(
        "input_prefix", "This model cannot fill in the middle: it has no fill-in-the-middle tokens."));
  }
  std::vector<int32_t> ids;
  const auto token = [&ids](int32_t id) {
    if (id >= 0) ids.push_back(id);
  };
  const auto text = [&](std::string_view piece) {
    const auto more = tokenizer.encode(piece, {.add_special = false, .parse_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  };
  if (vocab.add_bos) token(vocab.bos);
  if (!infill.files.empty() && vocab.fim_repo >= 0) {
    token(vocab.fim_repo);
    text("project\n");
  }
  for (const auto& [name, content] : infill.files) {
    token(vocab.fim_separator);
    text((vocab.fim_separator >= 0 ? "" : "\n\n") + name + "\n" + content);
  }
  if (!infill.files.empty() && vocab.fim_separator >= 0) {
    token(vocab.fim_separator);
    text("filename\n");
  }
  token(vocab.fim_prefix);
  text(infill.prefix);
  token(vocab.fim_suffix);
  text(infill.suffix);
  token(vocab.fim_middle);
  text(infill.beginning);
  return ids;
}

wire::ApiResult<GenerationRequest> generation_request(Engine& engine, const wire::CommonFields& fields) {
  GenerationRequest request;
  request.choices = static_cast<int>(fields.n);
  request.sampling = sampling_params(engine, fields.sampling);
  request.stop = fields.stop;
  request.stop_tokens = fields.stop_token_ids;
  request.ignore_eos = fields.ignore_eos;
  request.min_tokens = fields.min_tokens;
  request.skip_special = fields.skip_special;
  if (auto valid = validate(request.sampling, engine.info().vocab); !valid) {
    return std::unexpected(wire::from_error(valid.error()));
  }
  auto constraint = output_constraint(engine, fields.output, /*start_after=*/{});
  if (!constraint) return std::unexpected(std::move(constraint.error()));
  request.constraint = std::move(*constraint);
  if (request.constraint && request.ignore_eos) {
    return std::unexpected(wire::invalid_field(
        "ignore_eos", fmt::format("'ignore_eos' and '{}' cannot be had together: the form ends the answer.",
                                  fields.output.param)));
  }
  return request;
}

}  // namespace pingti
