#include "engine/speculation/ngram_index.h"

#include <algorithm>

namespace pingti {
namespace {

constexpr int kLongVisits = 24;
constexpr int kShortVisits = 8;
constexpr size_t kFirstSlots = 1024;

}  // namespace

size_t NgramIndex::Chains::slot(std::span<const int32_t> tokens, int64_t end) const {
  uint64_t hash = 0;
  for (int64_t i = end - order_ + 1; i <= end; ++i) {
    hash = (hash ^ static_cast<uint32_t>(tokens[static_cast<size_t>(i)])) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return static_cast<size_t>(hash) & (heads_.size() - 1);
}

void NgramIndex::Chains::grow(std::span<const int32_t> tokens, int64_t end) {
  heads_.assign(std::max(kFirstSlots, 4 * heads_.size()), -1);
  const auto first = std::min<int64_t>(end, order_ - 1);
  links_.assign(static_cast<size_t>(end), -1);
  for (int64_t i = first; i < end; ++i) {
    int32_t& head = heads_[slot(tokens, i)];
    links_[static_cast<size_t>(i)] = head;
    head = static_cast<int32_t>(i);
  }
}

void NgramIndex::Chains::add(std::span<const int32_t> tokens, int64_t end) {
  if (static_cast<size_t>(end) >= heads_.size()) grow(tokens, end);
  links_.push_back(-1);
  if (end < order_ - 1) return;
  int32_t& head = heads_[slot(tokens, end)];
  links_[static_cast<size_t>(end)] = head;
  head = static_cast<int32_t>(end);
}

template <class Visit>
void NgramIndex::Chains::visit(std::span<const int32_t> tokens, int most, const Visit& visit) const {
  const auto last = static_cast<int64_t>(tokens.size()) - 1;
  if (last < order_) return;
  int32_t end = links_[static_cast<size_t>(last)];
  for (; end >= 0 && most > 0; --most, end = links_[static_cast<size_t>(end)]) visit(end);
}

void NgramIndex::extend(std::span<const int32_t> tokens) {
  for (; known_ < static_cast<int64_t>(tokens.size()); ++known_) {
    long_.add(tokens, known_);
    short_.add(tokens, known_);
  }
}

void NgramIndex::consider(std::span<const int32_t> tokens, int64_t end) {
  const auto last = static_cast<int64_t>(tokens.size()) - 1;
  const int64_t most = std::min<int64_t>(end + 1, kLongest);
  int64_t length = 0;
  while (length < most &&
         tokens[static_cast<size_t>(end - length)] == tokens[static_cast<size_t>(last - length)])
    ++length;
  if (length >= 2 && length > best_.length) best_ = {.next = end + 1, .length = static_cast<int>(length)};
}

std::optional<NgramIndex::Match> NgramIndex::find(std::span<const int32_t> tokens) {
  best_ = {};
  const auto size = static_cast<int64_t>(tokens.size());
  const auto look = [&](int64_t end) { consider(tokens, end); };
  if (last_next_ > 0) {  // a match that goes on stays findable behind however many others
    const int64_t end = last_next_ + (size - last_size_) - 1;
    if (end < size - 1) look(end);
  }
  long_.visit(tokens, kLongVisits, look);
  if (best_.length == 0) short_.visit(tokens, kShortVisits, look);
  last_next_ = best_.length > 0 ? best_.next : -1;
  last_size_ = size;
  if (best_.length == 0) return std::nullopt;
  return best_;
}

}  // namespace pingti
