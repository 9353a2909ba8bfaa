// A stable sort whose comparison may throw or contradict itself (NaN, hostile templates): it stays within the
// items. std::stable_sort does too, but libstdc++'s warns under clang in C++23.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace pingti::jinja {

template <class Item, class Less>
void merge_sort(std::vector<Item>* items, Less less) {
  std::vector<Item> merged;
  merged.reserve(items->size());
  for (size_t width = 1; width < items->size(); width *= 2) {
    merged.clear();
    for (size_t start = 0; start < items->size(); start += 2 * width) {
      const auto at = [&](size_t offset) {
        return items->begin() + static_cast<std::ptrdiff_t>(std::min(start + offset, items->size()));
      };
      std::merge(at(0), at(width), at(width), at(2 * width), std::back_inserter(merged), less);
    }
    items->swap(merged);
  }
}

}  // namespace pingti::jinja
