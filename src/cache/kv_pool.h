// Pages of KV memory, known by id. The pool knows pages and reference counts, never requests or models.
//
// Layers are put in groups that keep or drop pages together (all full-attention layers; all layers with one
// window size). Each group has its own pages: a page holds KV of a fixed run of tokens of every layer of its
// group. Not thread-safe: owned by the engine's thread. Memory is reserved at once but only touched when
// used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/huge_buffer.h"
#include "base/result.h"

namespace pingti {

using PageId = int32_t;
constexpr PageId kNoPage = -1;

class KvPool {
 public:
  static Result<KvPool> create(int64_t page_bytes, int64_t page_count);

  // A page with one reference, or kNoPage when none is free. Content is whatever it was.
  PageId allocate();
  void add_reference(PageId page);
  // Gives one reference back; the last one frees the page.
  void release(PageId page);

  std::byte* data(PageId page) const { return memory_.data() + page * page_bytes_; }
  int64_t page_bytes() const { return page_bytes_; }
  int64_t page_count() const { return static_cast<int64_t>(references_.size()); }
  int64_t free_count() const { return static_cast<int64_t>(free_.size()); }
  int references(PageId page) const { return references_[static_cast<size_t>(page)]; }

 private:
  HugeBuffer memory_;
  int64_t page_bytes_ = 0;
  std::vector<int> references_;  // [page_count]
  std::vector<PageId> free_;     // used as a stack
};

}  // namespace pingti
