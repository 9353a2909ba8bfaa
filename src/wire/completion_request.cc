#include "wire/completion_request.h"

#include <fmt/format.h>

namespace pingti::wire {
namespace {

constexpr const char* kPromptKinds =
    "a string, an array of strings, an array of token ids or an array of such arrays";

bool read_ids(FieldReader& fields, const Json& array, std::vector<int32_t>* out) {
  out->reserve(array.size());
  for (const Json& item : array) {
    bool fits = item.is_number_unsigned() && item.get<uint64_t>() <= INT32_MAX;
    if (!fits) return fields.fail_type("prompt", kPromptKinds, item), false;
    out->push_back(static_cast<int32_t>(item.get<uint64_t>()));
  }
  return true;
}

void read_prompts(FieldReader& fields, std::vector<Prompt>* out) {
  const Json* prompt = fields.take("prompt");
  if (!prompt) return fields.fail(invalid_field("prompt", "'prompt' is missing."));
  if (prompt->is_string()) {
    out->emplace_back(prompt->get<std::string>());
    return;
  }
  if (!prompt->is_array()) return fields.fail_type("prompt", kPromptKinds, *prompt);
  if (prompt->empty()) return fields.fail(invalid_field("prompt", "'prompt' must not be an empty array."));
  if (prompt->front().is_number()) {
    std::vector<int32_t> ids;
    if (read_ids(fields, *prompt, &ids)) out->emplace_back(std::move(ids));
    return;
  }
  if (prompt->size() > kMostPrompts) {
    return fields.fail(invalid_field(
        "prompt", fmt::format("'prompt' takes at most {} prompts, not {}.", kMostPrompts, prompt->size())));
  }
  for (const Json& item : *prompt) {
    std::vector<int32_t> ids;
    if (item.is_string()) {
      out->emplace_back(item.get<std::string>());
    } else if (!item.is_array()) {
      return fields.fail_type("prompt", kPromptKinds, item);
    } else if (read_ids(fields, item, &ids)) {
      out->emplace_back(std::move(ids));
    } else {
      return;
    }
  }
}

}  // namespace

ApiResult<CompletionRequest> parse_completion_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  CompletionRequest request;
  FieldReader fields(*json, "");
  read_common(fields, &request.common);
  read_prompts(fields, &request.prompts);
  fields.string("suffix", &request.suffix);
  fields.boolean("echo", &request.echo);
  fields.integer("max_tokens", &request.max_tokens, 0, INT64_MAX);
  int64_t top = 0;
  if (fields.integer("logprobs", &top, 0, kMostTopLogprobs)) request.top_logprobs = static_cast<int>(top);
  int64_t best_of = request.common.n;
  if (fields.integer("best_of", &best_of, 1, kMostChoices) && best_of != request.common.n) {
    fields.fail(unsupported_field("best_of", "'best_of' other than 'n' is not supported by this server."));
  }
  if (request.echo && !request.suffix.empty()) {
    fields.fail(unsupported_field("echo", "'echo' together with 'suffix' is not supported by this server."));
  }
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

}  // namespace pingti::wire
