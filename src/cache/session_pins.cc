#include "cache/session_pins.h"

#include <algorithm>
#include <limits>

namespace pingti {

int64_t SessionPins::most_pages(int page_tokens, std::span<const int64_t> page_counts) const {
  int64_t most = limits_.tokens > 0 ? limits_.tokens / page_tokens : std::numeric_limits<int64_t>::max();
  const int64_t largest = *std::ranges::max_element(page_counts);
  return std::min(most, static_cast<int64_t>(static_cast<double>(largest) * limits_.share));
}

bool SessionPins::within_share(const PrefixTree& tree, std::span<const int64_t> page_counts) const {
  for (size_t group = 0; group < page_counts.size(); ++group) {
    const double most = static_cast<double>(page_counts[group]) * limits_.share;
    if (static_cast<double>(tree.pinned_pages(group)) > most) return false;
  }
  return true;
}

void SessionPins::keep(PrefixTree& tree, std::string_view salt, std::string_view key,
                       std::span<const int32_t> tokens, int page_tokens, std::span<const int64_t> page_counts,
                       Clock::time_point now) {
  expire(tree, now);
  const auto most = static_cast<size_t>(most_pages(page_tokens, page_counts));
  const size_t pages = std::min(tokens.size() / static_cast<size_t>(page_tokens), most);
  PrefixTree::Node* end = tree.pin(salt, tokens.first(pages * static_cast<size_t>(page_tokens)));
  if (end == nullptr) return;
  const Name name(salt, key);
  auto session = sessions_.find(name);
  if (session == sessions_.end()) {
    session = sessions_.emplace(name, Session{}).first;
    session->second.place = order_.insert(order_.end(), name);
  }
  PrefixTree::Node*& pinned = session->second.end;
  if (pinned != nullptr && PrefixTree::is_prefix(end, pinned)) {
    tree.unpin(end);
  } else {
    if (pinned != nullptr) tree.unpin(pinned);
    pinned = end;
  }
  touch(salt, key, now);
  while (!order_.empty() && (count() > limits_.keys || !within_share(tree, page_counts))) give_up_one(tree);
}

void SessionPins::touch(std::string_view salt, std::string_view key, Clock::time_point now) {
  const auto session = sessions_.find(Name(salt, key));
  if (session == sessions_.end()) return;
  session->second.used = now;
  order_.splice(order_.end(), order_, session->second.place);
}

void SessionPins::expire(PrefixTree& tree, Clock::time_point now) {
  while (!order_.empty() && now - sessions_.at(order_.front()).used >= limits_.expiry) give_up_one(tree);
}

bool SessionPins::give_up_one(PrefixTree& tree) {
  if (order_.empty()) return false;
  const auto session = sessions_.find(order_.front());
  tree.unpin(session->second.end);
  order_.pop_front();
  sessions_.erase(session);
  return true;
}

void SessionPins::clear(PrefixTree& tree) {
  while (give_up_one(tree)) {
  }
}

}  // namespace pingti
