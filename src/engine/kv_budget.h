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
};

struct KvBudget {
  int64_t context = 0;
  int64_t tokens = 0;  // that all sequences together can hold
  std::vector<KvGroupShape> groups;
};

// One sequence of `context` tokens always fits. One context alone may take four fifths of the memory; further
// sequences are given room up to half of it. Errors: "engine.trained_context", "engine.memory".
Result<KvBudget> plan_kv(const KvBudgetInput& input);

}  // namespace pingti
