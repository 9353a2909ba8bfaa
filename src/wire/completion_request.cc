#include "wire/completion_request.h"

#include <fmt/format.h>

namespace pingti::wire {
namespace {

constexpr const char* kPromptKinds =
    "a string, an array of strings, an array of token ids or an array of such arrays";

bool read_ids(FieldReader& fields, std::string_view name, const Json& array, std::vector<int32_t>* out) {
  out->reserve(array.size());
  for (const Json& item : array) {
    bool fits = item.is_number_unsigned() && item.get<uint64_t>() <= INT32_MAX;
    if (!fits) return fields.fail_type(name, kPromptKinds, item), false;
    out->push_back(static_cast<int32_t>(item.get<uint64_t>()));
  }
  return true;
}

void read_best_of(FieldReader& fields, CompletionRequest* out) {
  const int64_t n = out->common.n;
  out->best_of = n;
  if (!fields.integer("best_of", &out->best_of, 1, kMostChoices)) return;
  if (out->best_of < n) {
    fields.fail(invalid_field("best_of",
                              fmt::format("'best_of' must be at least 'n', {}, not {}.", n, out->best_of)));
  } else if (out->best_of > n && out->common.stream) {
    fields.fail(invalid_field("best_of",
                              "'best_of' larger than 'n' cannot be streamed: which answers are the "
                              "best is known when all are there."));
  }
}

}  // namespace

void read_prompts(FieldReader& fields, std::string_view name, size_t most, std::vector<Prompt>* out) {
  const Json* prompt = fields.take(name);
  const std::string path = fields.path(name);
  if (!prompt) return fields.fail(invalid_field(path, fmt::format("'{}' is missing.", path)));
  if (prompt->is_string()) {
    out->emplace_back(prompt->get<std::string>());
    return;
  }
  if (!prompt->is_array()) return fields.fail_type(name, kPromptKinds, *prompt);
  if (prompt->empty())
    return fields.fail(invalid_field(path, fmt::format("'{}' must not be an empty array.", path)));
  if (prompt->front().is_number()) {
    std::vector<int32_t> ids;
    if (read_ids(fields, name, *prompt, &ids)) out->emplace_back(std::move(ids));
    return;
  }
  if (prompt->size() > most) {
    return fields.fail(invalid_field(
        path, fmt::format("'{}' takes at most {} prompts, not {}.", path, most, prompt->size())));
  }
  for (const Json& item : *prompt) {
    std::vector<int32_t> ids;
    if (item.is_string()) {
      out->emplace_back(item.get<std::string>());
    } else if (!item.is_array()) {
      return fields.fail_type(name, kPromptKinds, item);
    } else if (read_ids(fields, name, item, &ids)) {
      out->emplace_back(std::move(ids));
    } else {
      return;
    }
  }
}

ApiResult<CompletionRequest> parse_completion_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  CompletionRequest request;
  FieldReader fields(*json, "");
  read_common(fields, &request.common);
  read_prompts(fields, "prompt", kMostPrompts, &request.prompts);
  fields.string("suffix", &request.suffix);
  fields.boolean("echo", &request.echo);
  fields.integer("max_tokens", &request.max_tokens, 0, INT64_MAX);
  int64_t top = 0;
  if (fields.integer("logprobs", &top, 0, kMostTopLogprobs)) request.top_logprobs = static_cast<int>(top);
  read_best_of(fields, &request);
  fields.boolean("add_special_tokens", &request.add_special);
  if (request.echo && !request.suffix.empty()) {
    fields.fail(unsupported_field("echo", "'echo' together with 'suffix' is not supported by this server."));
  }
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

}  // namespace pingti::wire
