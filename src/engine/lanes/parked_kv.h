// The keys and values of a preempted sequence, copied out of its pages into plain memory, so that it need not
// compute them again. Pages are copied bytes for bytes: what is computed from them is the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cache/kv_pool.h"
#include "cache/page_table.h"

namespace pingti {

class ParkedKv {
 public:
  // Bytes that copy() would take; nothing where it cannot be done (a window has left pages behind).
  static std::optional<int64_t> bytes_of(const PageTable& table, std::span<KvPool* const> pools,
                                         int64_t positions, int page_tokens);
  // positions: how many tokens' keys and values the pages hold. Only where bytes_of() says it can be done;
  // may throw std::bad_alloc.
  static ParkedKv copy(const PageTable& table, std::span<KvPool* const> pools, int64_t positions,
                       int page_tokens);

  // Into a table that covers these positions and shares its first `shared_pages` pages, which hold the same
  // already, with others.
  void restore(const PageTable& table, std::span<KvPool* const> pools, size_t shared_pages) const;

  int64_t positions() const { return positions_; }
  int64_t bytes() const { return static_cast<int64_t>(data_.size()); }

 private:
  int64_t positions_ = 0;
  size_t pages_ = 0;             // of each group
  std::vector<std::byte> data_;  // group after group, page after page
};

// Whether copying out and back is quicker than computing again, from what both have been taking here.
class ParkingCost {
 public:
  bool cheaper(int64_t bytes, double recompute_seconds) const {
    return 2 * static_cast<double>(bytes) / bytes_per_second_ < recompute_seconds;
  }
  void measured(int64_t bytes, double seconds) {
    if (seconds > 0) bytes_per_second_ += 0.2 * (static_cast<double>(bytes) / seconds - bytes_per_second_);
  }

 private:
  double bytes_per_second_ = 1e9;  // less than memory gives anywhere, until measured
};

}  // namespace pingti
