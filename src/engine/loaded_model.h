// A model file opened and ready to compute: what an engine is built on, and what commands measure without
// one.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "gguf/gguf.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti {

struct LoadedModel {
  std::string path;
  std::unique_ptr<gguf::File> file;
  const Kernels* kernels = nullptr;
  std::unique_ptr<ThreadPool> threads;  // the model's: outlives it
  Tuning tuning;
  std::unique_ptr<Model> model;
  AttentionPolicy attention;
  bool activations_f32 = false;
  double load_seconds = 0;

  // Its tokenizer, refused when it has more tokens than the model has embeddings.
  Result<std::unique_ptr<Tokenizer>> tokenizer() const;
};

// Which loop multiplies the model's weights with so many activations, by storage format: "avx512vnni
// linear_int8, tiles of 32 x 6, weights widened to bytes", as the kernels themselves tell.
std::map<std::string, std::string> kernels_by_format(const LoadedModel& loaded, int columns);

// Loads the weights of `file`, which was opened from options.model_path, by what the options say of threads,
// isa, kv_type, attention, activations_f32 and progress.
Result<LoadedModel> load_model(gguf::File file, const EngineOptions& options);

}  // namespace pingti
