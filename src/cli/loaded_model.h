// A model opened without an engine, for commands that measure it: file, kernels, threads, weights.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "cli/engine_options.h"
#include "gguf/gguf.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pingti {

struct LoadedModel {
  std::string path;
  std::unique_ptr<gguf::File> file;
  const Kernels* kernels = nullptr;
  std::unique_ptr<ThreadPool> threads;
  std::unique_ptr<Model> model;
  double load_seconds = 0;

  Result<std::unique_ptr<Tokenizer>> tokenizer() const;
};

Result<LoadedModel> load_model(const EngineFlags& flags);

}  // namespace pingti
