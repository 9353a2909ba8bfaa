// Attention to less than everything, over models trained with full attention. Off by default.
//
// A window keeps what StreamingLLM (arXiv 2309.17453) keeps: the first tokens and the last. KV pages outside
// are dropped; tokens keep the rotary positions they have in the text, so the trained context still bounds a
// sequence. Sparse attention keeps everything and lets each query choose what it reads (page_selection.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/config.h"

namespace pingti {

// What a query of a layer without a window reads. Choices are made per token and KV head, by whole pages.
struct SparseAttention {
  int top_k = 0;          // so many of the heaviest pages; or
  float top_p = 0;        // pages until everything read is estimated to hold this share of attention
  int min_length = 2048;  // queries with fewer keys read all
  int sinks = 32;         // first tokens that are read in any case
  int recent = 128;       // last tokens that are
  int dense_layers = 2;   // first layers that read all

  bool enabled() const { return top_k > 0 || top_p > 0; }
};

struct AttentionPolicy {
  int64_t window = 0;  // keys a query sees, itself included; 0: no window beside the model's own
  int64_t sinks = 0;   // with a window: first tokens every query sees as well
  SparseAttention sparse;

  bool enabled() const { return window > 0 || sparse.enabled(); }
};

// "topk=64", "topp=0.95,min-length=4096,sinks=32,recent=128,dense-layers=2"; empty: off. Error:
// "attention.sparse", naming the part.
Result<SparseAttention> parse_sparse_attention(std::string_view text);

// Errors: "attention.window", "attention.sparse".
Result<AttentionPolicy> make_attention_policy(int64_t window, int64_t sinks, std::string_view sparse);

// Gives each layer what the policy leaves it. Layers with a window of their own keep the smaller one, and
// sinks come with the policy's window only: a layer trained with a window never saw them.
void apply_attention_policy(const AttentionPolicy& policy, ModelConfig& config);

// "window 1024, 4 sinks"; "topp=0.95, dense below 2048 tokens"; "full".
std::string describe(const AttentionPolicy& policy);

}  // namespace pingti
