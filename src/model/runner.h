// Sequences without an engine: a model, its KV pages and their page tables, driven step by step. For
// benchmarks, perplexity and tests; serving goes through engine/.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "cache/kv_pool.h"
#include "model/model.h"

namespace pingti {

class Runner {
 public:
  // Room for `sequences` sequences of up to `context` tokens each.
  static Result<Runner> create(Model& model, int sequences, int64_t context);

  struct Piece {
    int sequence = 0;
    std::span<const int32_t> tokens;
    bool all_logits = false;  // logits of every token; otherwise of the last one
    bool no_logits = false;   // of none
    const Adapter* adapter = nullptr;
  };
  // Appends the pieces' tokens to their sequences in one forward pass. Returns the logits, [rows, vocab] in
  // piece order, valid until the next call.
  std::span<const float> step(std::span<const Piece> pieces);

  int64_t length(int sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  // Forgets tokens from `length` on.
  void truncate(int sequence, int64_t length) { lengths_[static_cast<size_t>(sequence)] = length; }

 private:
  Model* model_ = nullptr;
  std::vector<std::unique_ptr<KvPool>> pools_;           // one per KV group
  std::vector<std::vector<std::vector<PageId>>> pages_;  // [sequence][group]
  std::vector<int64_t> lengths_;                         // [sequence]
  std::vector<float> logits_;
};

}  // namespace pingti
