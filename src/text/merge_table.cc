#include "text/merge_table.h"

#include <bit>

namespace pingti {

MergeTable::MergeTable(size_t expected) : slots_(std::bit_ceil(expected * 2 + 2)), mask_(slots_.size() - 1) {}

Result<MergeTable> MergeTable::create(const std::vector<std::string>& merges, const StringTable& spelling) {
  MergeTable table(merges.size());
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      return fail(ErrorKind::kInvalid, "vocab.malformed",
                  "Merge " + std::to_string(rank) + " is \"" + std::string(merge.substr(0, 60)) +
                      "\", not two parts with a space between");
    }
    const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    joined.assign(left).append(right);
    const int32_t left_id = spelling.find(left), right_id = spelling.find(right), id = spelling.find(joined);
    if (left_id >= 0 && right_id >= 0 && id >= 0) {
      table.insert(left_id, right_id, static_cast<uint32_t>(rank), id);
    }
  }
  return table;
}

// Of a pair listed twice the later rank counts, as in the original implementations.
void MergeTable::insert(int32_t left, int32_t right, uint32_t rank, int32_t id) {
  const uint64_t key = pack(left, right);
  size_t at = slot(key);
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
  slots_[at] = {key, rank, id};
}

}  // namespace pingti
