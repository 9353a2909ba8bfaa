// How much attention was computed and how much was not.
#pragma once

#include <cstdint>

namespace pingti {

// A pair is one query (token and KV head, in one layer) and one KV page.
struct AttentionWork {
  int64_t pairs = 0;     // that full causal attention would compute
  int64_t computed = 0;  // that were
  int64_t overhead = 0;  // work of choosing, in pairs: summaries weighed and keys read for the choice alone

  double skipped() const {
    return pairs == 0 ? 0 : 1 - static_cast<double>(computed) / static_cast<double>(pairs);
  }
  // Of the work: what choosing takes is no saving.
  double saved() const {
    return pairs == 0 ? 0 : 1 - static_cast<double>(computed + overhead) / static_cast<double>(pairs);
  }
  AttentionWork& operator+=(const AttentionWork& other) {
    pairs += other.pairs;
    computed += other.computed;
    overhead += other.overhead;
    return *this;
  }
  AttentionWork operator-(const AttentionWork& other) const {
    return {pairs - other.pairs, computed - other.computed, overhead - other.overhead};
  }
};

}  // namespace pingti
