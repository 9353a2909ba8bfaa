// Conversations that keep their pages: for each key the prefix it reached last, pinned in the prefix tree.
//
// A key belongs to its salt: equal keys of different salts are different conversations. Bounded in number,
// tokens and share of the pages; whoever was used longest ago goes first. Time comes from the caller. Not
// thread-safe. All pins must be given up (clear) before the tree is cleared.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cache/prefix_tree.h"

namespace pingti {

struct SessionLimits {
  int64_t keys = 1024;
  int64_t tokens = 0;                 // per key; 0: as many as the share allows
  double share = 0.5;                 // of each group's pages, all keys together
  std::chrono::seconds expiry{1800};  // after the last use
};

class SessionPins {
 public:
  using Clock = std::chrono::steady_clock;

  explicit SessionPins(SessionLimits limits) : limits_(limits) {}

  // The conversation has got so far: pins the whole pages of these tokens in place of what was pinned
  // before, unless that goes on from them. page_counts[g]: pages of group g.
  void keep(PrefixTree& tree, std::string_view salt, std::string_view key, std::span<const int32_t> tokens,
            int page_tokens, std::span<const int64_t> page_counts, Clock::time_point now);
  // The conversation goes on: counts as use.
  void touch(std::string_view salt, std::string_view key, Clock::time_point now);
  void expire(PrefixTree& tree, Clock::time_point now);
  // Gives up the one used longest ago; false if there is none.
  bool give_up_one(PrefixTree& tree);
  void clear(PrefixTree& tree);

  int64_t count() const { return static_cast<int64_t>(sessions_.size()); }

 private:
  using Name = std::pair<std::string, std::string>;  // salt, key
  struct Session {
    PrefixTree::Node* end = nullptr;
    Clock::time_point used{};
    std::list<Name>::iterator place;
  };
  int64_t most_pages(int page_tokens, std::span<const int64_t> page_counts) const;
  bool within_share(const PrefixTree& tree, std::span<const int64_t> page_counts) const;

  SessionLimits limits_;
  std::map<Name, Session> sessions_;
  std::list<Name> order_;  // used longest ago first
};

}  // namespace pingti
