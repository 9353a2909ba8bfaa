#include "engine/loaded_model.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/machine.h"
#include "engine/kv_type.h"
#include "engine/vocab_from_gguf.h"
#include "kernels/linear.h"

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

std::map<std::string, std::string> kernels_by_format(const LoadedModel& loaded, int columns) {
  const bool own_head = loaded.file->find_tensor("output.weight") != nullptr;
  std::map<std::string, std::string> kernels;
  for (const gguf::TensorInfo& tensor : loaded.file->tensors()) {
    const PanelLayout* layout = panel_layout(tensor.format->type);
    // An embedding table that is not the head is looked up, never multiplied.
    if (tensor.rows() == 1 || layout == nullptr || (own_head && tensor.name == "token_embd.weight")) continue;
    const bool int8 = !loaded.activations_f32 && !layout->is_float();
    const LinearPlan plan = int8 ? loaded.kernels->plan_int8(*layout, columns, loaded.tuning.linear)
                                 : loaded.kernels->plan_f32(columns);
    kernels[layout->format->name] =
        fmt::format("{} {}, tiles of {} x {}{}", loaded.kernels->isa, int8 ? "linear_int8" : "linear_f32",
                    plan.tile_rows, plan.tile_columns, plan.widened ? ", weights widened to bytes" : "");
  }
  return kernels;
}

Result<LoadedModel> load_model(gguf::File file, const EngineOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  LoadedModel loaded{.path = options.model_path};
  loaded.activations_f32 = options.activations_f32;
  PT_TRY(const KvType kv_type, parse_kv_type(options.kv_type));
  PT_TRY(loaded.attention,
         make_attention_policy(options.attention_window, options.attention_sinks, options.sparse_attention));
  PT_TRY(loaded.kernels, select_kernels(options.isa));
  loaded.file = std::make_unique<gguf::File>(std::move(file));
  loaded.threads = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : available_cpus());
  loaded.tuning = machine_tuning(*loaded.kernels, *loaded.threads);
  PT_TRY(loaded.model, Model::load(*loaded.file, {.kernels = loaded.kernels,
                                                  .threads = loaded.threads.get(),
                                                  .kv_type = kv_type,
                                                  .attention = loaded.attention,
                                                  .activations_f32 = options.activations_f32,
                                                  .tuning = loaded.tuning,
                                                  .progress = options.progress}));
  loaded.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return loaded;
}

}  // namespace pingti
