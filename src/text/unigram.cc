#include "text/unigram.h"

#include <algorithm>
#include <cmath>

#include "text/utf8.h"

namespace pingti {
namespace {

constexpr float kUnknownPenalty = 10.0f;  // SentencePiece's

bool is_piece(const Vocab& vocab, size_t id) {
  const TokenType type = token_type(vocab, id);
  return (type == TokenType::kNormal || type == TokenType::kUserDefined) && !vocab.tokens[id].empty();
}

}  // namespace

Result<std::unique_ptr<Encoder>> Unigram::create(const Vocab& vocab) {
  const auto finite = [](float score) { return std::isfinite(score); };
  if (vocab.scores.empty() || !std::ranges::all_of(vocab.scores, finite)) {
    return fail(ErrorKind::kInvalid, "vocab.malformed",
                "A unigram vocabulary needs a finite score for each token; " +
                    std::to_string(std::ranges::count_if(vocab.scores, finite)) + " of " +
                    std::to_string(vocab.tokens.size()) + " have one");
  }
  PT_TRY(SentencePieceNormalizer normalizer, SentencePieceNormalizer::create(vocab));
  return std::unique_ptr<Encoder>(new Unigram(vocab, std::move(normalizer)));
}

Unigram::Unigram(const Vocab& vocab, SentencePieceNormalizer normalizer)
    : vocab_(vocab), normalizer_(std::move(normalizer)), bytes_(vocab) {
  std::vector<Trie::Entry> entries;
  float lowest = 0, highest = 0;
  bool any = false;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (!is_piece(vocab, id)) continue;
    entries.emplace_back(vocab.tokens[id], static_cast<int32_t>(id));
    if (token_type(vocab, id) != TokenType::kNormal) continue;
    lowest = any ? std::min(lowest, vocab.scores[id]) : vocab.scores[id];
    highest = any ? std::max(highest, vocab.scores[id]) : vocab.scores[id];
    any = true;
  }
  pieces_ = Trie(std::move(entries));
  unknown_score_ = lowest - kUnknownPenalty;
  user_defined_score_ = highest;
}

std::vector<Unigram::Best> Unigram::search(std::string_view text) const {
  std::vector<Best> best(text.size() + 1);
  best[0].begin = 0;
  for (size_t begin = 0; begin < text.size();) {
    const auto character = decode_utf8(text.substr(begin)).length;
    const float here = best[begin].score;
    const auto offer = [&](size_t length, int32_t id, float score) {
      Best& end = best[begin + length];
      if (end.begin == kUnreached || score > end.score) end = {score, id, static_cast<uint32_t>(begin)};
    };
    bool single = false;
    pieces_.each_prefix(text.substr(begin), [&](size_t length, int32_t id) {
      const auto index = static_cast<size_t>(id);
      const bool user_defined = token_type(vocab_, index) == TokenType::kUserDefined;
      offer(length, id,
            here + (user_defined ? static_cast<float>(length) * user_defined_score_ - 0.1f
                                 : vocab_.scores[index]));
      single |= length == character;
    });
    if (!single) offer(character, -1, here + unknown_score_);
    begin += character;
  }
  return best;
}

void Unigram::encode(std::string_view text, std::vector<int32_t>& ids) const {
  const std::string normalized = normalizer_.normalize(text);
  const std::vector<Best> best = search(normalized);
  const size_t before = ids.size();
  std::vector<uint32_t> ends;
  for (auto end = static_cast<uint32_t>(normalized.size()); end > 0; end = best[end].begin)
    ends.push_back(end);
  std::ranges::reverse(ends);
  for (const uint32_t end : ends) {
    const Best& piece = best[end];
    if (piece.id >= 0) {
      ids.push_back(piece.id);
    } else {
      bytes_.append(std::string_view(normalized).substr(piece.begin, end - piece.begin), vocab_.unk, before,
                    ids);
    }
  }
}

std::string Unigram::bytes_of(std::string_view spelling, TokenType type) const {
  return sentencepiece_bytes(spelling, type);
}

}  // namespace pingti
