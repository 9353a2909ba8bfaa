#include "base/version.h"

#include "server/api_description.h"
#include "server/served_model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace pingti {
namespace {

// What llama-server's clients ask before they start.
void handle(Call call) {
  auto model = serve_model(call, "");
  if (!model) return;
  const Engine& engine = *model->engine;
  const auto spelled = [&](int32_t id) { return std::string(engine.tokenizer().token_bytes(id)); };
  const Vocab& vocab = engine.tokenizer().vocab();
  call.reply->json(200, {{"model_alias", model->name},
                         {"default_generation_settings", {{"n_ctx", engine.info().context}}},
                         {"chat_template", engine.chat_template().source()},
                         {"bos_token", spelled(vocab.bos)},
                         {"eos_token", spelled(vocab.eos)},
                         {"modalities", {{"vision", false}, {"audio", false}}},
                         {"build_info", std::string("pingti-") + kVersion}});
}

wire::Json describe() {
  return get_operation("The model's context, chat template and special tokens.", "An object.");
}

}  // namespace

extern const Route kPropsRoute;
const Route kPropsRoute{"props", "GET", {"/props"}, false, true, handle, describe};

}  // namespace pingti
