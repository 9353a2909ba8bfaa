// Which pages hold a sequence's keys and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/kv_pool.h"

namespace pingti {

// What a query sees of its sequence: the first `sinks` tokens and the last `window`, itself included.
struct KvWindow {
  int window = 0;  // 0: all tokens
  int sinks = 0;

  // Pages below this one are kept for ever; from it on up to first_page(), no query sees them.
  size_t sink_pages(int page_tokens) const {
    return static_cast<size_t>((sinks + page_tokens - 1) / page_tokens);
  }
  // The first page of the window of the query at `position`.
  size_t first_page(int64_t position, int page_tokens) const {
    const int64_t first = position - window + 1;
    return window == 0 || first <= 0 ? 0 : static_cast<size_t>(first / page_tokens);
  }
};

// Plain data: KvSpace gives and takes the pages. Every entry but kNoPage is one reference to that page.
struct PageTable {
  // pages[group][position / page tokens]; kNoPage where a window has left the page behind.
  std::vector<std::vector<PageId>> pages;
  // first_kept[group]: entries before it, but for the sinks' pages, are kNoPage.
  std::vector<size_t> first_kept;
  // Whole pages from the first on that the prefix tree has been told of.
  size_t remembered = 0;

  explicit PageTable(size_t groups = 0) : pages(groups), first_kept(groups, 0) {}
};

}  // namespace pingti
