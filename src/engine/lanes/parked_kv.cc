#include "engine/lanes/parked_kv.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace pingti {
namespace {

size_t pages_for(int64_t positions, int page_tokens) {
  return static_cast<size_t>((positions + page_tokens - 1) / page_tokens);
}

}  // namespace

std::optional<int64_t> ParkedKv::bytes_of(const PageTable& table, std::span<KvPool* const> pools,
                                          int64_t positions, int page_tokens) {
  const size_t pages = pages_for(positions, page_tokens);
  int64_t bytes = 0;
  for (size_t group = 0; group < pools.size(); ++group) {
    const auto held = std::span(table.pages[group]).first(pages);
    if (std::ranges::find(held, kNoPage) != held.end()) return std::nullopt;
    bytes += static_cast<int64_t>(pages) * pools[group]->page_bytes();
  }
  return bytes;
}

ParkedKv ParkedKv::copy(const PageTable& table, std::span<KvPool* const> pools, int64_t positions,
                        int page_tokens) {
  const auto bytes = bytes_of(table, pools, positions, page_tokens);
  PT_CHECK(bytes.has_value());
  ParkedKv parked;
  parked.positions_ = positions;
  parked.pages_ = pages_for(positions, page_tokens);
  parked.data_.reserve(static_cast<size_t>(*bytes));
  for (size_t group = 0; group < pools.size(); ++group) {
    for (size_t i = 0; i < parked.pages_; ++i) {
      const std::byte* from = pools[group]->data(table.pages[group][i]);
      parked.data_.insert(parked.data_.end(), from, from + pools[group]->page_bytes());
    }
  }
  return parked;
}

void ParkedKv::restore(const PageTable& table, std::span<KvPool* const> pools, size_t shared_pages) const {
  const std::byte* from = data_.data();
  for (size_t group = 0; group < pools.size(); ++group) {
    const auto bytes = static_cast<size_t>(pools[group]->page_bytes());
    PT_CHECK(table.pages[group].size() >= pages_);
    for (size_t i = 0; i < pages_; ++i, from += bytes) {
      if (i >= shared_pages) std::memcpy(pools[group]->data(table.pages[group][i]), from, bytes);
    }
  }
}

}  // namespace pingti
