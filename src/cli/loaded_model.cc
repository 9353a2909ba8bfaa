#include "cli/loaded_model.h"

#include <fmt/format.h>

#include <chrono>

#include "base/machine.h"
#include "engine/kv_type.h"
#include "engine/vocab_from_gguf.h"
#include "kernels/kernels.h"

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

Result<LoadedModel> load_model(const EngineFlags& flags) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  PT_TRY(loaded.path, find_model(flags.model));
  PT_TRY(gguf::File file, gguf::File::open(loaded.path));
  loaded.file = std::make_unique<gguf::File>(std::move(file));
  PT_TRY(loaded.kernels, select_kernels(flags.options.isa));
  const int threads = flags.options.threads > 0 ? flags.options.threads : available_cpus();
  loaded.threads = std::make_unique<ThreadPool>(threads);
  PT_TRY(const KvType kv_type, parse_kv_type(flags.options.kv_type));
  PT_TRY(loaded.model, Model::load(*loaded.file, {.kernels = loaded.kernels,
                                                  .threads = loaded.threads.get(),
                                                  .kv_type = kv_type,
                                                  .activations_f32 = flags.activations == "f32"}));
  loaded.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace pingti
