// Which pages hold a sequence's keys and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/kv_pool.h"

namespace pingti {

// Plain data: KvSpace gives and takes the pages. Every entry but kNoPage is one reference to that page.
struct PageTable {
  // pages[group][position / page tokens]; kNoPage where a window has left the page behind.
  std::vector<std::vector<PageId>> pages;
  // first_kept[group]: entries before it are kNoPage.
  std::vector<size_t> first_kept;

  explicit PageTable(size_t groups = 0) : pages(groups), first_kept(groups, 0) {}
};

}  // namespace pingti
