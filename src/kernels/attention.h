// Attention over paged keys and values, computed in fixed blocks so that its bits do not depend on the load.
//
// A KV page holds kPageTokens tokens. For one layer and KV head it contains, at k_offset and v_offset bytes
// from the page's start, K and V. Keys are stored after rotary embedding.
//
// Float types (f32, f16, bf16):
//   K: [kPageTokens / 16][head_dim][16 tokens]   (lanes are tokens: scores need no horizontal sums)
//   V: [kPageTokens][head_dim]
//
// Integer types (q16, q8, q4): a token's K, and its V, are integers times one scale, the scales first:
//   K: float scale[kPageTokens], then [kPageTokens / 16][head_dim / 2][16 tokens][2 dims]
//   V: float scale[kPageTokens], then [kPageTokens / 2][head_dim][2 tokens]
// The innermost pairs are what one integer dot instruction multiplies and adds. K is rotated by a Hadamard
// transform over as many dimensions as the largest power of two dividing head_dim, which spreads outlying
// ones over all, and so is q: their product stays.
// q4 puts two integers + 8 into a byte, the one in the upper half
//   of K two dims further: byte [head_dim / 4][16 tokens][2] holds dims 4 j + i and 4 j + 2 + i,
//   of V 16 dims further: byte [kPageTokens / 2][head_dim / 32, rounded up][16][2 tokens] holds dims 32 j + i
//   and 32 j + 16 + i.
//
// Numerics: the keys of a query are cut into blocks of kAttentionBlock positions aligned at position 0.
// attend_block makes the partial result of one block (row maximum, sum of exponentials, weighted values)
// and attend_merge folds partials in position order. A query's bits depend only on its own q and on the
// stored keys and values it may see (FlashAttention's online softmax, arXiv 2205.14135, on a fixed grid).
//
// With integer types q becomes integers too, and so do a block's exponentials times the scales of V; sums of
// products are exact, over head_dim for scores and over a page for values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pingti {

constexpr int kPageTokens = 32;
constexpr int kAttentionBlock = 256;
static_assert(kAttentionBlock / kPageTokens == 8, "AttendRow::page_mask has a bit per page");

enum class KvType { kF32, kF16, kBF16, kQ16, kQ8, kQ4 };
constexpr int kv_type_bits(KvType type) {
  switch (type) {
    case KvType::kF32:
      return 32;
    case KvType::kF16:
    case KvType::kBF16:
    case KvType::kQ16:
      return 16;
    case KvType::kQ8:
      return 8;
    case KvType::kQ4:
      return 4;
  }
  return 0;
}
constexpr bool is_integer(KvType type) {
  return type == KvType::kQ16 || type == KvType::kQ8 || type == KvType::kQ4;
}
constexpr int kMaxHeadDim = 576;  // a multiple of 16 at most this
// Bytes of K (or of V) of one KV head in one page.
constexpr int64_t kv_head_bytes(KvType type, int head_dim) {
  const int64_t scales = is_integer(type) ? int64_t{kPageTokens} * 4 : 0;
  const int64_t dims = type == KvType::kQ4 ? (head_dim + 31) / 32 * 32 : head_dim;
  return scales + kPageTokens * dims * kv_type_bits(type) / 8;
}

struct KvAppendArgs {
  KvType type;
  int head_dim;
  const float* k;    // [head_dim]
  const float* v;    // [head_dim]
  std::byte* k_out;  // this head's K of the page (page + k_offset)
  std::byte* v_out;
  int slot;  // token's place in the page: position % kPageTokens
};

// One query row: one (token, query head). Rows of one call share a KV head and a block of keys.
//
// The row sees the keys [0, sink_end) and [key_begin, key_end), as offsets into the block (0..256), as far as
// they lie in a page whose bit of page_mask is set (bit i: keys [i * kPageTokens, (i + 1) * kPageTokens)).
struct AttendRow {
  const float* q;  // [head_dim], after rotary embedding and Kernels::attend_query
  int key_begin;
  int key_end;
  int sink_end = 0;
  uint8_t page_mask = 0xff;
};

// Partial result of one row over one block: {max, sum, values[head_dim]}; max = -inf and sum = 0 when the
// row sees no key of the block.
struct AttendBlockArgs {
  KvType type;
  int head_dim;
  float scale;    // multiplies q . k
  float softcap;  // 0: none; otherwise score = softcap * tanh(score / softcap)
  // The block's kAttentionBlock / kPageTokens pages; one of which no row sees a key is not read, and may be
  // null.
  const std::byte* const* pages;
  // Of the block that will be attended to after this one, or null: fetched ahead.
  const std::byte* const* next_pages = nullptr;
  int64_t k_offset;
  int64_t v_offset;
  const AttendRow* rows;
  int row_count;           // any number >= 1
  float* partials;         // [row_count][partial_stride]
  int64_t partial_stride;  // >= head_dim + 2, in floats
  float* scratch;          // attend_scratch_floats(row_count), private to the thread
};
// A row's scores, and what it sees.
constexpr int64_t attend_scratch_floats(int row_count) { return int64_t{row_count} * (kAttentionBlock + 16); }

// Folds the partials of consecutive blocks of one row, in order, into out[head_dim] = values / sum.
struct AttendMergeArgs {
  int head_dim;
  const float* partials;  // block b at partials + b * partial_stride
  int64_t partial_stride;
  int block_count;
  float* out;  // zeros when no block had a visible key
};

}  // namespace pingti
