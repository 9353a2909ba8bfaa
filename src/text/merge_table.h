// Ranked merges of a BPE vocabulary: (left id, right id) -> rank and merged id. Immutable once built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/merge.h"
#include "text/string_table.h"

namespace pingti {

class MergeTable {
 public:
  MergeTable() : MergeTable(0) {}
  // merges: "left right", best first; `spelling` finds the ids. Pairs whose parts or result are no tokens
  // are left out, as they can never apply. Error: "vocab.malformed" for a line without a space.
  static Result<MergeTable> create(const std::vector<std::string>& merges, const StringTable& spelling);

  Merge find(int32_t left, int32_t right) const {
    const uint64_t key = pack(left, right);
    for (size_t at = slot(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return {slots_[at].rank, slots_[at].id};
      if (slots_[at].key == kEmpty) return {};
    }
  }
  bool empty() const { return slots_.size() <= 2; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};  // the pair (-1, -1)
  struct Slot {
    uint64_t key = kEmpty;
    uint32_t rank = 0;
    int32_t id = -1;
  };

  explicit MergeTable(size_t expected);
  void insert(int32_t left, int32_t right, uint32_t rank, int32_t id);
  static uint64_t pack(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t slot(uint64_t key) const { return (key * 0x9E3779B97F4A7C15) >> 32 & mask_; }

  std::vector<Slot> slots_;
  size_t mask_;
};

}  // namespace pingti
