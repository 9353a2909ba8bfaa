// Any bytes through tokenizers of every kind. Checked: ids are in range, nothing is lost where nothing may
// be, streaming and decoding agree, and parsing special tokens off yields no control token.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "text/detokenizer.h"
#include "text/nfc.h"
#include "text/small_vocabs.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using namespace pingti;

struct Subject {
  std::unique_ptr<Tokenizer> tokenizer;
  bool keeps_bytes;
};

std::vector<Subject> make_subjects() {
  std::vector<Subject> subjects;
  const auto add = [&](Vocab vocab, bool keeps_bytes) {
    subjects.push_back({Tokenizer::create(std::move(vocab)).value(), keeps_bytes});
  };
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "gpt-4o", "falcon", "deepseek-llm",
                          "deepseek-coder", "deepseek-v3", "default", "bailingmoe", "tekken"}) {
    add(small_byte_level_vocab(pre), true);
  }
  for (const char* pre : {"qwen2", "qwen35", "command-r"}) add(small_byte_level_vocab(pre), false);  // NFC
  add(small_sentencepiece_vocab("llama", true), false);
  Vocab merges = small_sentencepiece_vocab("gemma4", true);
  merges.merges = {"l l", "a a", "aa aa"};
  add(std::move(merges), false);
  add(small_sentencepiece_vocab("t5", true), false);
  Vocab tidy = small_sentencepiece_vocab("t5", false);
  tidy.remove_extra_whitespaces = true;
  add(std::move(tidy), false);
  return subjects;
}

std::string stream(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  Detokenizer detokenizer(tokenizer, false, false);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = detokenizer.push(id);
    PT_CHECK(valid_utf8_prefix(piece) == piece.size());
    text += piece;
  }
  return text + detokenizer.finish();
}

void check(const Subject& subject, std::string_view text, bool parse_special) {
  const Tokenizer& tokenizer = *subject.tokenizer;
  const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = parse_special});
  for (const int32_t id : ids) {
    PT_CHECK(id >= 0 && id < tokenizer.size());
    PT_CHECK(parse_special || !tokenizer.is_control(id) || id == tokenizer.vocab().unk);
  }
  const std::string decoded = tokenizer.decode(ids);
  if (subject.keeps_bytes) PT_CHECK(decoded == text);
  Utf8Stream whole;
  std::string expected = whole.push(decoded);
  expected += whole.finish();
  if (!tokenizer.strips_leading_space()) PT_CHECK(stream(tokenizer, ids) == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<Subject> kSubjects = make_subjects();
  if (size < 2) return 0;
  const Subject& subject = kSubjects[data[0] % kSubjects.size()];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  check(subject, text, true);
  check(subject, text, false);
  const std::string normalized = to_nfc(text);
  PT_CHECK(to_nfc(normalized) == normalized);
  return 0;
}
