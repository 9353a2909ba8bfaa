// What one query's attention to whole KV pages would weigh, estimated without reading the pages: for sparse
// attention, which then reads the heaviest alone.
//
// A page's summary holds, per dimension, the middle of its keys' range and the range's width / (4 sqrt 2), as
// f16: [2][head_dim]. Quest (arXiv 2406.10774) bounds a page's best score by such ranges. Here a range is
// read as four standard deviations of numbers spread evenly around its middle, so that a page's scores have
// mean q . middle and variance sum (q * width / 4)^2, and the sum of their exponentials is expected to be
//   kPageTokens * exp(q . middle + sum (q * width / (4 sqrt 2))^2).
// Unlike the bound this is close to the true sum, which choosing by share of attention (Twilight,
// arXiv 2502.02770) needs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"

namespace pingti {

constexpr int64_t page_summary_bytes(int head_dim) { return int64_t{2} * head_dim * 2; }

// Of the keys as they are stored: with integer types, after their rotation, which q has seen as well.
struct PageSummaryArgs {
  KvType type;
  int head_dim;
  const std::byte* k;  // one KV head's K of a page whose every slot is filled
  std::byte* out;      // page_summary_bytes(head_dim)
};

// One token and KV head: the queries of the heads that share it.
struct PageWeightArgs {
  KvType type;
  int head_dim;
  float scale;                        // multiplies q . k
  float softcap;                      // 0: none
  const std::byte* const* summaries;  // [page_count]
  int page_count;
  const float* q;  // [heads][head_dim], as AttendRow::q
  int heads;
  // Of the keys that are read in any case: each head's largest score and the sum of exponentials above it.
  const float* kept_max;  // [heads]
  const float* kept_sum;
  float* scratch;  // page_weight_scratch(head_dim, heads, page_count)
  // Each page's share of attention, all keys' being 1, as the mean over the heads; zeros up to a multiple
  // of 16.
  float* weights;
  float* kept_weight;  // the same for the keys read in any case
};
constexpr int64_t padded_pages(int page_count) { return (int64_t{page_count} + 15) / 16 * 16; }
constexpr int64_t page_weight_scratch(int head_dim, int heads, int page_count) {
  return int64_t{heads} * (padded_pages(page_count) + head_dim);
}

// How many of the heaviest pages to take.
struct PageThresholdArgs {
  const float* weights;  // [padded_pages(page_count)], not negative, zeros behind page_count
  int page_count;
  float weight;  // the pages taken must weigh this much together; or
  int count;     // so many of them (when > 0)
};

}  // namespace pingti
