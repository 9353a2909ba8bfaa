#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include "text/utf8.h"

namespace pingti {
namespace {

const std::string kText =
    "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9!";  // aé中👨‍👩!

bool is_whole(const std::string& text) { return valid_utf8_prefix(text) == text.size(); }

TEST(Utf8Stream, AnyTwoCutsGiveTheSameTextAndOnlyWholeCharacters) {
  for (size_t first = 0; first <= kText.size(); ++first) {
    for (size_t second = first; second <= kText.size(); ++second) {
      Utf8Stream stream;
      std::string text;
      for (const auto& part :
           {kText.substr(0, first), kText.substr(first, second - first), kText.substr(second)}) {
        const std::string piece = stream.push(part);
        EXPECT_TRUE(is_whole(piece));
        text += piece;
      }
      EXPECT_EQ(text + stream.finish(), kText);
    }
  }
}

TEST(Utf8Stream, EmitsACharacterWithItsLastByte) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xF0\x9F"), "");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80x"), "\xF0\x9F\x98\x80x");
}

TEST(Utf8Stream, ReplacesOnlyWhatCannotBeCompleted) {
  const struct {
    std::string bytes, text;
  } cases[] = {
      {"\xFFz", "\uFFFDz"},
      {"\xE4\xB8z", "\uFFFDz"},                          // one maximal subpart
      {"\xC0\xAF", "\uFFFD\uFFFD"},                      // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // above U+10FFFF
      {"\xF0\x9F\x98", "\uFFFD"},                        // cut off at the end
      {"\x80", "\uFFFD"},
  };
  for (const auto& [bytes, text] : cases) {
    Utf8Stream at_once, by_byte;
    const std::string start = at_once.push(bytes);
    EXPECT_EQ(start + at_once.finish(), text);
    std::string pieces;
    for (const char byte : bytes) pieces += by_byte.push({&byte, 1});
    EXPECT_EQ(pieces + by_byte.finish(), text);
  }
}

std::unique_ptr<Tokenizer> sentencepiece() {
  Vocab vocab;
  vocab.model = "llama";
  vocab.tokens = {"<unk>", "<s>", "</s>", "▁Hi", "▁you", "!", "▁"};
  vocab.types = {2, 3, 3, 1, 1, 1, 1};
  for (const char* byte : {"<0xF0>", "<0x9F>", "<0x98>", "<0x80>"}) {
    vocab.tokens.emplace_back(byte);
    vocab.types.push_back(6);
  }
  for (size_t id = 0; id < vocab.tokens.size(); ++id) vocab.scores.push_back(-static_cast<float>(id));
  return Tokenizer::create(vocab).value();
}

std::string stream(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool skip, bool continues) {
  Detokenizer detokenizer(tokenizer, skip, continues);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = detokenizer.push(id);
    EXPECT_TRUE(is_whole(piece));
    text += piece;
  }
  return text + detokenizer.finish();
}

TEST(Detokenizer, ByteTokensOfOneCharacter) {
  const auto tokenizer = sentencepiece();
  EXPECT_EQ(stream(*tokenizer, {5, 7, 8, 9, 10, 5}, true, true), "!\xF0\x9F\x98\x80!");
  EXPECT_EQ(stream(*tokenizer, {7, 8, 9}, true, true), "\uFFFD");
  EXPECT_EQ(stream(*tokenizer, {7, 5, 10}, true, true), "\uFFFD!\uFFFD");
}

TEST(Detokenizer, KeepsTheLeadingSpaceOnlyWhenTextWentBefore) {
  const auto tokenizer = sentencepiece();
  EXPECT_EQ(stream(*tokenizer, {3, 4}, true, true), " Hi you");
  EXPECT_EQ(stream(*tokenizer, {1, 3, 4}, true, false), "Hi you");
  EXPECT_EQ(stream(*tokenizer, {6, 3}, true, false), " Hi");
  EXPECT_EQ(stream(*tokenizer, {3, 4, 5}, true, false), tokenizer->decode(std::vector<int32_t>{3, 4, 5}));
}

TEST(Detokenizer, ControlTokensAreTextOnlyOnRequest) {
  const auto tokenizer = sentencepiece();
  EXPECT_EQ(stream(*tokenizer, {1, 3, 2}, true, true), " Hi");
  EXPECT_EQ(stream(*tokenizer, {1, 3, 2}, false, true), "<s> Hi</s>");
  EXPECT_EQ(stream(*tokenizer, {-1, 999, 3}, true, true), " Hi");
}

}  // namespace
}  // namespace pingti
