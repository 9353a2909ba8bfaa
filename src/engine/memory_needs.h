// The memory an engine will take, known from its files' headers before anything is loaded; and what these say
// of the model.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace pingti {

// Bytes, all upper bounds.
struct MemoryNeeds {
  int64_t fixed = 0;  // weights repacked, vocabulary, working memory of the largest batch; draft model's too
  int64_t kv_least = 0;  // KV pages of one sequence of `context` tokens
  int64_t kv_most = 0;   // of as many such sequences as one batch holds
  int64_t context = 0;   // tokens

  std::string model_name;  // general.name, or the file's stem
  std::string architecture;
  int64_t trained_context = 0;
  int64_t vocab = 0;
  int64_t parameters = 0;
  int64_t file_bytes = 0;
};

// `share`: bytes the engine should come to about. Where options.context is 0, the context is the longest that
// keeps it within that, but at least 4096 tokens or what the model was trained for.
Result<MemoryNeeds> memory_needs(const EngineOptions& options, int64_t share);

}  // namespace pingti
