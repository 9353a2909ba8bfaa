#include <fmt/format.h>

#include "server/api_description.h"
#include "server/served_model.h"
#include "wire/text_requests.h"

namespace pingti {
namespace {

// The order that a decoder's embeddings or words suggest is no ranking, and clients could not tell: as in
// llama-server, only a model trained for it may rank.
void handle(Call call) {
  auto request = wire::parse_rerank_request(call.request.body);
  if (!request) return call.reply->error(request.error());
  auto model = serve_model(call, request->model);
  if (!model) return;
  call.reply->error({.message = fmt::format("'{}' is not a reranking model: its file names no ranking head. "
                                            "/v1/embeddings gives vectors to compare.",
                                            model->name),
                     .param = "model",
                     .code = "model_not_reranker"});
}

wire::Json describe() {
  return post_operation("Documents by their relevance to a query, for models with a ranking head.",
                        wire::rerank_request_schema(), "The documents' scores.");
}

}  // namespace

extern const Route kRerankRoute;
const Route kRerankRoute{"rerank", "POST",  {"/rerank", "/v1/rerank", "/v2/rerank"}, false, false,
                         handle,   describe};

}  // namespace pingti
