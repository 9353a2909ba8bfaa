// Finds a token's id by its spelling. Keeps views of strings that someone else owns. Immutable after the
// last insert; any thread may then read.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace pingti {

class StringTable {
 public:
  explicit StringTable(size_t expected = 0) : slots_(std::bit_ceil(expected * 2 + 2)) {}

  // The first insert of a spelling counts. No more inserts than the constructor expected.
  void insert(std::string_view key, int32_t id) {
    Slot& slot = slots_[locate(key)];
    if (slot.id < 0) slot = {key, id};
  }

  int32_t find(std::string_view key) const { return slots_[locate(key)].id; }  // -1: absent

 private:
  struct Slot {
    std::string_view key;
    int32_t id = -1;
  };

  static uint64_t hash(std::string_view key) {
    constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
    uint64_t state = key.size() * kFactor;
    const char* data = key.data();
    size_t left = key.size();
    for (; left >= 8; left -= 8, data += 8) {
      uint64_t word;
      std::memcpy(&word, data, 8);
      state = (std::rotl(state, 23) ^ word) * kFactor;
    }
    uint64_t word = 0;
    if (left) std::memcpy(&word, data, left);
    state = (std::rotl(state, 23) ^ word) * kFactor;
    return state ^ state >> 32;
  }

  size_t locate(std::string_view key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash(key) & mask;
    while (slots_[at].id >= 0 && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }

  std::vector<Slot> slots_;
};

}  // namespace pingti
