#include "text/sentencepiece_bpe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "text/utf8.h"

namespace pingti {
namespace {

bool text_can_become(TokenType type) {
  return type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kUndefined;
}

// Rank per token: user-defined ones first, then the higher the score, the lower the rank; equal scores share
// one.
std::vector<uint64_t> rank_scores(const Vocab& vocab) {
  std::vector<uint32_t> order(vocab.scores.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto key = [&](uint32_t id) {
    const bool user_defined = token_type(vocab, id) == TokenType::kUserDefined;
    return std::pair(user_defined ? 0 : 1, user_defined ? 0.0f : -vocab.scores[id]);
  };
  std::ranges::sort(order, {}, [&](uint32_t id) { return std::pair(key(id), id); });
  std::vector<uint64_t> ranks(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const bool tie = i > 0 && key(order[i]) == key(order[i - 1]);
    ranks[order[i]] = tie ? ranks[order[i - 1]] : i;
  }
  return ranks;
}

// Calls visit(position) for each space mark in text that follows something else than a mark, until it
// returns true.
template <class Visit>
void each_inner_mark(std::string_view text, size_t begin, const Visit& visit) {
  for (size_t pos = begin; pos < text.size();) {
    while (text.substr(pos).starts_with(kSpaceMark)) pos += kSpaceMark.size();
    pos = text.find(kSpaceMark, pos);
    if (pos == std::string_view::npos || visit(pos)) return;
  }
}

}  // namespace

Result<std::unique_ptr<Encoder>> SentencePieceBpe::create(const Vocab& vocab) {
  if (vocab.scores.empty() && vocab.merges.empty()) {
    return fail(ErrorKind::kInvalid, "vocab.malformed",
                "A vocabulary of kind \"" + vocab.model + "\" has neither scores nor merges");
  }
  if (std::ranges::any_of(vocab.scores, [](float score) { return std::isnan(score); })) {
    return fail(ErrorKind::kInvalid, "vocab.malformed", "A token's score is not a number");
  }
  PT_TRY(SentencePieceNormalizer normalizer, SentencePieceNormalizer::create(vocab));
  std::unique_ptr<SentencePieceBpe> encoder(new SentencePieceBpe(vocab, std::move(normalizer)));
  PT_TRY(encoder->merges_, MergeTable::create(vocab.merges, encoder->pieces_));
  return encoder;
}

SentencePieceBpe::SentencePieceBpe(const Vocab& vocab, SentencePieceNormalizer normalizer)
    : normalizer_(std::move(normalizer)),
      pieces_(vocab.tokens.size()),
      ranks_(rank_scores(vocab)),
      bytes_(vocab),
      unknown_(vocab.unk),
      whole_(vocab.tokens.size()) {
  marked_.reserve(vocab.tokens.size());
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    std::string_view piece = vocab.tokens[id];
    const TokenType type = token_type(vocab, id);
    if (!text_can_become(type) || piece.empty()) continue;
    if (type == TokenType::kUserDefined) piece = marked_.emplace_back(mark_spaces(piece));
    pieces_.insert(piece, static_cast<int32_t>(id));
    each_inner_mark(piece, 0, [&](size_t mark) {
      before_marks_[static_cast<uint8_t>(piece[mark - 1])] = true;
      return false;
    });
  }
}

size_t SentencePieceBpe::word_end(std::string_view text, size_t begin) const {
  size_t end = text.size();
  each_inner_mark(text, begin, [&](size_t mark) {
    if (before_marks_[static_cast<uint8_t>(text[mark - 1])]) return false;
    end = mark;
    return true;
  });
  return end;
}

void SentencePieceBpe::encode(std::string_view text, std::vector<int32_t>& ids) const {
  const std::string normalized = normalizer_.normalize(text);
  const std::string_view all = normalized;
  const size_t before = ids.size();
  std::vector<Symbol> symbols;
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = word_end(all, begin);
    encode_word(all.substr(begin, end - begin), before, symbols, ids);
    begin = end;
  }
}

void SentencePieceBpe::encode_word(std::string_view word, size_t before, std::vector<Symbol>& symbols,
                                   std::vector<int32_t>& ids) const {
  const int32_t known = pieces_.find(word);
  if (known >= 0 && whole_.get(known) == WholeWords::State::kWhole) {
    ids.push_back(known);
    return;
  }
  symbols.clear();
  for (size_t pos = 0; pos < word.size();) {
    const uint32_t length = decode_utf8(word.substr(pos)).length;
    symbols.push_back({pieces_.find(word.substr(pos, length)), static_cast<uint32_t>(pos), length});
    pos += length;
  }
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) { return look_up(word, left, right); });
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) {
      ids.push_back(symbol.id);
    } else {
      bytes_.append(word.substr(symbol.begin, symbol.length), unknown_, before, ids);
    }
  }
  if (known >= 0) whole_.set(known, symbols.size() == 1 && symbols[0].id == known);
}

Merge SentencePieceBpe::look_up(std::string_view text, const Symbol& left, const Symbol& right) const {
  if (left.id < 0 || right.id < 0) return {};
  if (!merges_.empty()) return merges_.find(left.id, right.id);
  const int32_t id = pieces_.find(text.substr(left.begin, left.length + right.length));
  if (id < 0) return {};
  return {ranks_[static_cast<size_t>(id)], id};
}

std::string SentencePieceBpe::bytes_of(std::string_view spelling, TokenType type) const {
  return sentencepiece_bytes(spelling, type);
}

}  // namespace pingti
