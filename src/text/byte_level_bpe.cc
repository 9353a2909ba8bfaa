#include "text/byte_level_bpe.h"

#include "text/byte_alphabet.h"
#include "text/nfc.h"

namespace pingti {

Result<std::unique_ptr<Encoder>> ByteLevelBpe::create(const Vocab& vocab) {
  const PretokenizerKind* kind = find_pretokenizer(vocab.pre);
  if (kind == nullptr) {
    return fail(ErrorKind::kUnsupported, "vocab.unsupported_pre",
                "tokenizer.ggml.pre is \"" + vocab.pre + "\", a pre-tokenizer this build does not know",
                "a newer pingti may know it");
  }
  PT_TRY(Pretokenizer pretokenizer, Pretokenizer::create(*kind));
  StringTable spelling(vocab.tokens.size());
  for (size_t id = 0; id < vocab.tokens.size(); ++id)
    spelling.insert(vocab.tokens[id], static_cast<int32_t>(id));
  PT_TRY(MergeTable merges, MergeTable::create(vocab.merges, spelling));
  return std::unique_ptr<Encoder>(
      new ByteLevelBpe(vocab, *kind, std::move(pretokenizer), std::move(merges), spelling));
}

ByteLevelBpe::ByteLevelBpe(const Vocab& vocab, const PretokenizerKind& kind, Pretokenizer pretokenizer,
                           MergeTable merges, const StringTable& spelling)
    : pretokenizer_(std::move(pretokenizer)),
      nfc_(kind.nfc),
      ignore_merges_(kind.ignore_merges || vocab.ignore_merges),
      merges_(std::move(merges)),
      word_bytes_(vocab.tokens.size()),
      words_(vocab.tokens.size()),
      whole_(vocab.tokens.size()) {
  for (size_t byte = 0; byte < 256; ++byte) {
    std::string letter;
    append_utf8(letter, kByteAlphabet[byte]);
    byte_ids_[byte] = spelling.find(letter);
  }
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    if (token_type(vocab, id) != TokenType::kNormal || vocab.tokens[id].empty()) continue;
    word_bytes_[id] = decode_byte_alphabet(vocab.tokens[id]);
    words_.insert(word_bytes_[id], static_cast<int32_t>(id));
  }
}

void ByteLevelBpe::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::string normalized;
  if (nfc_ && !is_trivially_nfc(text)) text = normalized = to_nfc(text);
  Pretokenizer::Words words;
  pretokenizer_.split(text, words);
  std::vector<Symbol> symbols;
  for (const std::string_view word : words) encode_word(word, symbols, ids);
}

void ByteLevelBpe::encode_word(std::string_view word, std::vector<Symbol>& symbols,
                               std::vector<int32_t>& ids) const {
  const int32_t known = words_.find(word);
  if (known >= 0) {
    if (ignore_merges_ || whole_.get(known) == WholeWords::State::kWhole) {
      ids.push_back(known);
      return;
    }
  }
  merge(word, symbols);
  for (const Symbol& symbol : symbols) ids.push_back(symbol.id);
  if (known >= 0) whole_.set(known, symbols.size() == 1 && symbols[0].id == known);
}

void ByteLevelBpe::merge(std::string_view word, std::vector<Symbol>& symbols) const {
  symbols.clear();
  for (const char c : word) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id >= 0) symbols.push_back({id, static_cast<uint32_t>(symbols.size()), 1});
  }
  merge_symbols(symbols,
                [this](const Symbol& left, const Symbol& right) { return merges_.find(left.id, right.id); });
}

std::string ByteLevelBpe::bytes_of(std::string_view spelling, TokenType) const {
  return decode_byte_alphabet(spelling);
}

}  // namespace pingti
