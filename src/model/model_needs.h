// The memory a model will take, known from its file's header before anything is loaded.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "model/config.h"
#include "model/model.h"

namespace pingti {

struct ModelNeeds {
  ModelConfig config;              // vocab filled in
  std::vector<KvGroup> kv_groups;  // as the loaded model's
  int64_t weight_bytes = 0;        // repacked, whole pages counted
  int64_t row_bytes = 0;           // working memory per row of the largest batch
  int64_t other_bytes = 0;         // working memory whatever the batch
};

// Of options: kernels may be null; threads is not used, `thread_count` is. Errors: those of loading that the
// header alone tells.
Result<ModelNeeds> model_needs(const gguf::File& file, const ModelOptions& options, int thread_count);

}  // namespace pingti
