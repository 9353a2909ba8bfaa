#include "engine/loaded_model.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/machine.h"
#include "engine/kv_type.h"
#include "engine/vocab_from_gguf.h"

namespace pingti {

Result<std::unique_ptr<Tokenizer>> LoadedModel::tokenizer() const {
  PT_TRY(Vocab vocab, read_vocab(*file));
  PT_TRY(auto tokenizer, Tokenizer::create(std::move(vocab)));
  if (tokenizer->size() > model->config().vocab) {
    return fail(ErrorKind::kInvalid, "model.bad_shape",
                fmt::format("the tokenizer has {} tokens, but the model has embeddings of {}",
                            tokenizer->size(), model->config().vocab));
  }
  return tokenizer;
}

Result<LoadedModel> load_model(gguf::File file, const EngineOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  LoadedModel loaded{.path = options.model_path};
  PT_TRY(const KvType kv_type, parse_kv_type(options.kv_type));
  PT_TRY(loaded.attention,
         make_attention_policy(options.attention_window, options.attention_sinks, options.sparse_attention));
  PT_TRY(loaded.kernels, select_kernels(options.isa));
  loaded.file = std::make_unique<gguf::File>(std::move(file));
  loaded.threads = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : available_cpus());
  PT_TRY(loaded.model, Model::load(*loaded.file, {.kernels = loaded.kernels,
                                                  .threads = loaded.threads.get(),
                                                  .kv_type = kv_type,
                                                  .attention = loaded.attention,
                                                  .activations_f32 = options.activations_f32,
                                                  .progress = options.progress}));
  loaded.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return loaded;
}

}  // namespace pingti
