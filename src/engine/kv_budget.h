// How long a context this machine can hold, and how many pages each KV group gets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/kv_space.h"
#include "model/model.h"

namespace pingti {

struct KvBudgetInput {
  std::span<const KvGroup> groups;
  int64_t trained_context = 0;
  int64_t wanted_context = 0;  // 0: the largest that fits
  int max_sequences = 1;
  int prefill_chunk = 1;
  int64_t memory = 0;  // bytes this process may still take, weights loaded
  // `memory` is set aside for these pages: all of it may be taken, and not a byte more.
  bool exact = false;
};

struct KvBudget {
  int64_t context = 0;
  int64_t tokens = 0;  // that all sequences together can hold
  std::vector<KvGroupShape> groups;
};

// Bytes of all pages when sequences together can hold `tokens`.
int64_t kv_pool_bytes(const KvBudgetInput& input, int64_t tokens);
// The longest context, up to `most`, whose pages fit input.memory; at least `least`.
int64_t kv_tokens_within(const KvBudgetInput& input, int64_t least, int64_t most);

// One sequence of `context` tokens always fits. Unless the memory is exact, one context alone may take four
// fifths of the memory; further sequences are given room up to half of it. Errors: "engine.trained_context",
// "engine.memory".
Result<KvBudget> plan_kv(const KvBudgetInput& input);

}  // namespace pingti
