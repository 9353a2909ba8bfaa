#include "wire/text_requests.h"

#include <fmt/format.h>

#include "wire/request_schemas.h"

namespace pingti::wire {
namespace {

using namespace schema;

constexpr size_t kMostFiles = 256;
constexpr size_t kMostDocuments = 2048;
constexpr size_t kMostTokens = 1 << 20;

// A chat request of the members that say what is said.
std::optional<ChatRequest> read_chat(FieldReader& fields) {
  Json chat = Json::object();
  for (const char* name : {"messages", "tools", "chat_template_kwargs"}) {
    if (const Json* value = fields.take(name)) chat[name] = *value;
  }
  auto parsed = parse_chat_request(to_text(chat));
  if (parsed) return *std::move(parsed);
  fields.fail(std::move(parsed.error()));
  return std::nullopt;
}

void read_extra(FieldReader& fields, InfillRequest* out) {
  const Json* extra = fields.take("input_extra");
  if (!extra) return;
  if (!extra->is_array()) return fields.fail_type("input_extra", "an array of files", *extra);
  if (extra->size() > kMostFiles) {
    return fields.fail(invalid_field(
        "input_extra",
        fmt::format("'input_extra' takes at most {} files, not {}.", kMostFiles, extra->size())));
  }
  for (size_t i = 0; i < extra->size(); ++i) {
    FieldReader file((*extra)[i], fmt::format("input_extra[{}]", i));
    std::string name = "tmp";
    std::string text;
    file.string("filename", &name);
    file.require("text", file.string("text", &text));
    if (auto error = file.finish()) return fields.fail(std::move(*error));
    out->extra.emplace_back(std::move(name), std::move(text));
  }
}

void read_documents(FieldReader& fields, std::vector<std::string>* out) {
  const Json* documents = fields.take("documents");
  if (!documents) return fields.require("documents", false);
  if (!documents->is_array()) return fields.fail_type("documents", "an array of texts", *documents);
  if (documents->empty() || documents->size() > kMostDocuments) {
    return fields.fail(invalid_field("documents", fmt::format("'documents' takes from 1 to {} texts, not {}.",
                                                              kMostDocuments, documents->size())));
  }
  for (size_t i = 0; i < documents->size(); ++i) {
    const Json& item = (*documents)[i];
    if (item.is_string()) {
      out->push_back(item.get<std::string>());
      continue;
    }
    FieldReader document(item, fmt::format("documents[{}]", i));
    std::string text;
    document.require("text", document.string("text", &text));
    if (auto error = document.finish()) return fields.fail(std::move(*error));
    out->push_back(std::move(text));
  }
}

}  // namespace

ApiResult<TokenizeRequest> parse_tokenize_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  TokenizeRequest request;
  FieldReader fields(*json, "");
  fields.string("model", &request.model);
  const bool content = fields.string("content", &request.text);
  const bool prompt = fields.string("prompt", &request.text);
  const bool messages = json->is_object() && fields.take("messages") != nullptr;
  if (!fields.error() && content + prompt + messages != 1) {
    fields.fail(invalid_field("content", "Exactly one of 'content', 'prompt' and 'messages' says the text."));
  }
  request.vllm = !content;
  if (messages) {
    request.chat = read_chat(fields);
    fields.boolean("add_generation_prompt", &request.add_generation_prompt);
  }
  request.add_special = prompt;  // vLLM's default; llama-server's is false
  fields.boolean(content ? "add_special" : "add_special_tokens", &request.add_special);
  if (content) fields.boolean("parse_special", &request.parse_special);
  fields.boolean(content ? "with_pieces" : "return_token_strs", &request.with_pieces);
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

Json tokenize_request_schema() {
  return any_of({object({{"content", string()},
                         {"model", string()},
                         {"add_special", boolean()},
                         {"parse_special", boolean()},
                         {"with_pieces", boolean()}},
                        {"content"}),
                 object({{"prompt", string()},
                         {"model", string()},
                         {"add_special_tokens", boolean()},
                         {"return_token_strs", boolean()}},
                        {"prompt"}),
                 object({{"messages", messages_schema()},
                         {"model", string()},
                         {"chat_template_kwargs", free_object()},
                         {"add_generation_prompt", boolean()},
                         {"add_special_tokens", boolean()},
                         {"return_token_strs", boolean()}},
                        {"messages"})});
}

ApiResult<DetokenizeRequest> parse_detokenize_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  DetokenizeRequest request;
  FieldReader fields(*json, "");
  fields.string("model", &request.model);
  fields.require("tokens", fields.token_ids("tokens", &request.tokens, kMostTokens));
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

Json detokenize_request_schema() {
  return object({{"tokens", token_ids(kMostTokens)}, {"model", string()}}, {"tokens"});
}

ApiResult<InfillRequest> parse_infill_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  InfillRequest request;
  FieldReader fields(*json, "");
  read_common(fields, &request.common);
  fields.require("input_prefix", fields.string("input_prefix", &request.prefix));
  fields.require("input_suffix", fields.string("input_suffix", &request.suffix));
  fields.string("prompt", &request.prompt);
  read_extra(fields, &request);
  fields.integer("max_tokens", &request.max_tokens, 0, INT64_MAX);
  fields.integer("n_predict", &request.max_tokens, -1, INT64_MAX);
  if (request.common.n != 1)
    fields.fail(unsupported_field("n", "'n' other than 1 is not supported here: the answer is one text."));
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

Json infill_request_schema() {
  const Json file = object({{"filename", string()}, {"text", string()}}, {"text"});
  return object(joined({{"input_prefix", string()},
                        {"input_suffix", string()},
                        {"prompt", string()},
                        {"input_extra", array(file, 0, kMostFiles)},
                        {"max_tokens", integer(0, INT64_MAX)},
                        {"n_predict", integer(-1, INT64_MAX)}},
                       common_members()),
                {"input_prefix", "input_suffix"});
}

ApiResult<RerankRequest> parse_rerank_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  RerankRequest request;
  FieldReader fields(*json, "");
  int64_t top_n = 0;
  bool return_documents = false;
  fields.string("model", &request.model);
  fields.require("query", fields.string("query", &request.query));
  read_documents(fields, &request.documents);
  fields.integer("top_n", &top_n, 1, INT64_MAX);
  fields.boolean("return_documents", &return_documents);
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

Json rerank_request_schema() {
  const Json document = any_of({string(), object({{"text", string()}}, {"text"})});
  return object({{"query", string()},
                 {"documents", array(document, 1, kMostDocuments)},
                 {"model", string()},
                 {"top_n", integer(1, INT64_MAX)},
                 {"return_documents", boolean()}},
                {"query", "documents"});
}

}  // namespace pingti::wire
