#include "engine/kv_budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/attention.h"

namespace pingti {
namespace {

constexpr int64_t kLeastContext = 256;

int64_t pages_for(int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }

// Pages one long sequence holds in a group at the same time.
int64_t sequence_pages(const KvGroup& group, int64_t tokens, int prefill_chunk) {
  const int64_t all = pages_for(tokens);
  if (group.window == 0) return all;
  return std::min(all, pages_for(group.window + prefill_chunk) + 1 + pages_for(group.sinks));
}

// Pages of a group when all sequences together hold `tokens`. A windowed group gets twice what its running
// sequences need at most, for windows that remembered prefixes end with.
int64_t pool_pages(const KvBudgetInput& input, const KvGroup& group, int64_t tokens) {
  return std::min(pages_for(tokens),
                  2 * input.max_sequences * sequence_pages(group, tokens, input.prefill_chunk));
}

int64_t context_bytes(const KvBudgetInput& input, int64_t tokens) {
  int64_t bytes = 0;
  for (const KvGroup& group : input.groups)
    bytes += group.page_bytes * sequence_pages(group, tokens, input.prefill_chunk);
  return bytes;
}

// The largest multiple of a page in [least, most] whose cost is within `limit`; `least` if there is none.
template <class Cost>
int64_t largest(int64_t least, int64_t most, int64_t limit, const Cost& cost) {
  int64_t low = pages_for(least);
  int64_t high = pages_for(most);
  while (low < high) {
    const int64_t middle = (low + high + 1) / 2;
    if (cost(middle * kPageTokens) <= limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low * kPageTokens;
}

double mib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

Result<int64_t> choose_context(const KvBudgetInput& input) {
  const int64_t limit = input.exact ? input.memory : input.memory / 5 * 4;
  const auto cost = [&](int64_t tokens) {
    return input.exact ? kv_pool_bytes(input, tokens) : context_bytes(input, tokens);
  };
  if (input.wanted_context > input.trained_context) {
    return fail(ErrorKind::kInvalid, "engine.trained_context",
                fmt::format("a context of {} is wanted, but the model was trained for {}",
                            input.wanted_context, input.trained_context),
                "leave --ctx away for the largest that fits");
  }
  const int64_t least =
      input.wanted_context != 0 ? input.wanted_context : std::min(kLeastContext, input.trained_context);
  if (cost(least) > limit) {
    return fail(
        ErrorKind::kExhausted, "engine.memory",
        fmt::format("the KV cache of {} tokens needs {:.0f} MiB, but it may take {:.0f} of the {:.0f} MiB "
                    "that are left",
                    least, mib(cost(least)), mib(limit), mib(input.memory)),
        "choose a smaller --ctx, --kv-type q8 or a smaller model");
  }
  if (input.wanted_context != 0) return input.wanted_context;
  const int64_t fits = largest(least, input.trained_context, limit, cost);
  return std::min(fits, input.trained_context);
}

}  // namespace

int64_t kv_pool_bytes(const KvBudgetInput& input, int64_t tokens) {
  int64_t bytes = 0;
  for (const KvGroup& group : input.groups) bytes += group.page_bytes * pool_pages(input, group, tokens);
  return bytes;
}

int64_t kv_tokens_within(const KvBudgetInput& input, int64_t least, int64_t most) {
  return largest(least, most, input.memory, [&](int64_t tokens) { return kv_pool_bytes(input, tokens); });
}

Result<KvBudget> plan_kv(const KvBudgetInput& input) {
  KvBudget budget;
  PT_TRY(budget.context, choose_context(input));
  budget.tokens = largest(budget.context, budget.context * input.max_sequences,
                          input.exact ? input.memory : input.memory / 2,
                          [&](int64_t tokens) { return kv_pool_bytes(input, tokens); });
  for (const KvGroup& group : input.groups) {
    budget.groups.push_back({.window = group.window,
                             .page_bytes = group.page_bytes,
                             .page_count = pool_pages(input, group, budget.tokens),
                             .sinks = group.sinks});
  }
  return budget;
}

}  // namespace pingti
