#include "engine/chat_tokens.h"
#include "server/api_description.h"
#include "server/prompts.h"
#include "text/tokenizer.h"
#include "wire/request_schemas.h"
#include "wire/text_requests.h"

namespace pingti {
namespace {

bool is_utf8(const std::string& bytes) {
  try {
    wire::Json(bytes).dump();
    return true;
  } catch (const wire::Json::type_error&) {
    return false;
  }
}

// A text, or its bytes as numbers where they are none.
wire::Json piece(std::string_view bytes) {
  std::string text(bytes);
  if (is_utf8(text)) return text;
  wire::Json numbers = wire::Json::array();
  for (const char byte : text) numbers.push_back(static_cast<unsigned char>(byte));
  return numbers;
}

wire::Json llama_answer(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool with_pieces) {
  if (!with_pieces) return {{"tokens", ids}};
  wire::Json tokens = wire::Json::array();
  for (const int32_t id : ids)
    tokens.push_back(wire::Json{{"id", id}, {"piece", piece(tokenizer.token_bytes(id))}});
  return {{"tokens", std::move(tokens)}};
}

wire::Json vllm_answer(const ServedModel& model, const std::vector<int32_t>& ids, bool with_strings) {
  wire::Json answer = {
      {"count", ids.size()}, {"max_model_len", model.engine->info().context}, {"tokens", ids}};
  answer["token_strs"] = nullptr;
  if (!with_strings) return answer;
  answer["token_strs"] = wire::Json::array();
  for (const int32_t id : ids)
    answer["token_strs"].push_back(std::string(model.engine->tokenizer().token_bytes(id)));
  return answer;
}

void tokenize(Call call) {
  auto request = wire::parse_tokenize_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->model);
  if (!model) return;
  const Tokenizer& tokenizer = model->engine->tokenizer();
  std::vector<int32_t> ids;
  if (request->chat) {
    auto text = render_chat(*model, *request->chat, request->add_generation_prompt);
    if (!text) return call.reply->error(text.error());
    ids = request->add_special ? tokenizer.encode(*text) : encode_chat(tokenizer, *text);
  } else {
    ids = tokenizer.encode(request->text,
                           {.add_special = request->add_special, .parse_special = request->parse_special});
  }
  call.reply->json(200, request->vllm ? vllm_answer(*model, ids, request->with_pieces)
                                      : llama_answer(tokenizer, ids, request->with_pieces));
}

void detokenize(Call call) {
  auto request = wire::parse_detokenize_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->model);
  if (!model) return;
  const Tokenizer& tokenizer = model->engine->tokenizer();
  for (const int32_t id : request->tokens) {
    if (id < tokenizer.size()) continue;
    return call.reply->error(
        wire::invalid_field("tokens", "'tokens' holds " + std::to_string(id) + "; the vocabulary has " +
                                          std::to_string(tokenizer.size()) + " tokens."));
  }
  const std::string text = tokenizer.decode(request->tokens);
  call.reply->json(200, {{"content", text}, {"prompt", text}});  // llama-server's name and vLLM's
}

void apply_template(Call call) {
  auto request = wire::parse_chat_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->common.model);
  if (!model) return;
  auto text = render_chat(*model, *request);
  if (!text) return call.reply->error(text.error());
  call.reply->json(200, {{"prompt", *text}});
}

wire::Json describe_tokenize() {
  return post_operation("A text's or a conversation's token ids.", wire::tokenize_request_schema(),
                        "Token ids, as llama-server answers 'content' and vLLM the others.");
}
wire::Json describe_detokenize() {
  return post_operation("The text of token ids.", wire::detokenize_request_schema(), "A text.");
}
wire::Json describe_template() {
  return post_operation("A conversation as the model's chat template writes it.", wire::chat_request_schema(),
                        "The prompt.");
}

}  // namespace

extern const Route kTokenizeRoute;
const Route kTokenizeRoute{"tokenize", "POST",           {"/tokenize", "/v1/tokenize"}, false, false,
                           tokenize,   describe_tokenize};
extern const Route kDetokenizeRoute;
const Route kDetokenizeRoute{
    "detokenize", "POST", {"/detokenize", "/v1/detokenize"}, false, false, detokenize, describe_detokenize};
extern const Route kApplyTemplateRoute;
const Route kApplyTemplateRoute{
    "apply_template", "POST",           {"/apply-template", "/v1/apply-template"}, false, false,
    apply_template,   describe_template};

}  // namespace pingti
