// Where the end of a token sequence has occurred before in it (prompt lookup; Saxena 2023, and LLMA,
// arXiv 2304.04487).
//
// Hash chains as LZ77 compressors use them: each position is linked to the last one that ended with the same
// few tokens, and the longest of the most recent matches wins, the most recent of equally long ones. Adding a
// token and looking for the best match take constant time, whatever the length.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace pingti {

class NgramIndex {
 public:
  static constexpr int kLongest = 64;  // matches are compared up to this length

  // Knows the tokens as far as they were given; what came before must be unchanged.
  void extend(std::span<const int32_t> tokens);

  struct Match {
    int64_t next = 0;  // position of the token that followed then
    int length = 0;    // tokens in common, 2..kLongest
  };
  // The best match of the end of `tokens`, all of which were given to extend().
  std::optional<Match> find(std::span<const int32_t> tokens);

 private:
  // Positions by the `order` tokens that end there.
  class Chains {
   public:
    explicit Chains(int order) : order_(order) {}
    void add(std::span<const int32_t> tokens, int64_t end);
    // Ends before the last token that share its last tokens, as many as are worth looking at.
    template <class Visit>
    void visit(std::span<const int32_t> tokens, int most, const Visit& visit) const;

   private:
    size_t slot(std::span<const int32_t> tokens, int64_t end) const;
    void grow(std::span<const int32_t> tokens, int64_t end);
    int order_;
    std::vector<int32_t> heads_;  // [power of two]: last end with this hash, -1: none
    std::vector<int32_t> links_;  // [end]: the one before
  };

  void consider(std::span<const int32_t> tokens, int64_t end);

  int64_t known_ = 0;
  Chains long_{4};
  Chains short_{2};
  int64_t last_next_ = -1;  // the last match, to go on with
  int64_t last_size_ = 0;   // of the tokens it was found for
  Match best_;
};

}  // namespace pingti
