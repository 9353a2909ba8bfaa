#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "text/nfc.h"
#include "text/pretokenizer.h"
#include "text/small_vocabs.h"

namespace pingti {
namespace {

using testing::ElementsAre;

std::unique_ptr<Tokenizer> make(Vocab vocab) {
  auto tokenizer = Tokenizer::create(std::move(vocab));
  EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
  return std::move(*tokenizer);
}

std::string random_bytes(std::mt19937& random, size_t length) {
  std::string bytes(length, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 7);
  return bytes;
}

TEST(Tokenizer, ByteLevelKeepsAnyBytes) {
  std::mt19937 random(5);
  for (const char* pre :
       {"gpt-2", "smollm", "llama-bpe", "qwen35", "falcon", "deepseek-llm", "gpt-4o", "default"}) {
    const auto tokenizer = make(small_byte_level_vocab(pre));
    for (size_t length : {1, 2, 3, 7, 20, 300}) {
      for (int round = 0; round < 20; ++round) {
        std::string text = random_bytes(random, length);
        if (std::string_view(pre) == "qwen35") text = to_nfc(text);
        EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
      }
    }
  }
}

TEST(Tokenizer, SentencePieceWithByteTokensKeepsAnyBytes) {
  std::mt19937 random(6);
  const auto tokenizer = make(small_sentencepiece_vocab("llama", true));
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_bytes(random, 1 + random() % 40);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, {.add_special = false})), text);
  }
}

TEST(Tokenizer, SpecialTokensMatchLeftmostThenLongest) {
  const auto tokenizer = make(small_byte_level_vocab("gpt-2"));
  const int32_t start = tokenizer->find_token("<|im_start|>"), im = tokenizer->find_token("<|im");
  const int32_t tool = tokenizer->find_token("<tool>");
  EXPECT_THAT(tokenizer->encode("<|im_start|><|im<tool>"), ElementsAre(start, im, tool));
  EXPECT_THAT(tokenizer->encode("<|im_starx"), testing::Contains(im));
}

TEST(Tokenizer, ControlTokensInTextAreTextWithoutParseSpecial) {
  const auto tokenizer = make(small_byte_level_vocab("gpt-2"));
  const std::string text = "<|im_start|>x<tool>";
  const auto ids = tokenizer->encode(text, {.parse_special = false});
  for (const int32_t id : ids) EXPECT_FALSE(tokenizer->is_control(id));
  EXPECT_EQ(ids.back(), tokenizer->find_token("<tool>"));  // user-defined: always
  EXPECT_EQ(tokenizer->decode(ids), text);
}

TEST(Tokenizer, AddsBeginAndEndAsTheModelAsks) {
  Vocab vocab = small_byte_level_vocab("gpt-2");
  vocab.bos = vocab.eos = static_cast<int32_t>(vocab.tokens.size()) - 5;  // <|im_start|>
  vocab.add_bos = true;
  const auto with_bos = make(vocab);
  EXPECT_THAT(with_bos->encode(""), ElementsAre(vocab.bos));
  EXPECT_THAT(with_bos->encode("", {.add_special = false}), testing::IsEmpty());
  vocab.add_eos = true;
  EXPECT_THAT(make(vocab)->encode("h"), ElementsAre(vocab.bos, int32_t{'h'}, vocab.eos));
}

TEST(Tokenizer, DecodeCanLeaveControlTokensOut) {
  const auto tokenizer = make(small_byte_level_vocab("gpt-2"));
  const auto ids = tokenizer->encode("<|im_start|>hello<|im_end|>");
  EXPECT_EQ(tokenizer->decode(ids), "<|im_start|>hello<|im_end|>");
  EXPECT_EQ(tokenizer->decode(ids, true), "hello");
  EXPECT_EQ(tokenizer->token_bytes(-1), "");
  EXPECT_EQ(tokenizer->token_bytes(tokenizer->size()), "");
}

TEST(Tokenizer, UnknownCharactersWithoutByteTokensFuse) {
  const auto tokenizer = make(small_sentencepiece_vocab("t5", false));
  const auto ids = tokenizer->encode("hello中文x", {.add_special = false});
  EXPECT_THAT(ids, ElementsAre(tokenizer->find_token("▁hello"), 0));
}

TEST(Tokenizer, EndOfGenerationKnowsTheFieldsSpellings) {
  const auto chat = make(small_byte_level_vocab("gpt-2"));
  EXPECT_TRUE(chat->is_end_of_generation(chat->find_token("<|im_end|>")));
  EXPECT_FALSE(chat->is_end_of_generation(chat->find_token("<|im_start|>")));
  EXPECT_EQ(chat->vocab().eot, chat->find_token("<|im_end|>"));

  Vocab harmony = small_byte_level_vocab("gpt-4o");
  for (const char* token : {"<|end|>", "<|return|>", "<|call|>"})
    add_token(harmony, token, TokenType::kControl);
  const auto tokenizer = make(harmony);
  EXPECT_TRUE(tokenizer->is_end_of_generation(tokenizer->find_token("<|return|>")));
  EXPECT_FALSE(tokenizer->is_end_of_generation(tokenizer->find_token("<|end|>")));
}

TEST(Tokenizer, LongRunsDoNotTakeQuadraticTime) {
  const std::string runs[] = {std::string(1 << 18, 'a'), std::string(1 << 18, ' '),
                              std::string(1 << 18, '\n'), std::string(1 << 18, '\xFF')};
  for (const auto& vocab :
       {small_byte_level_vocab("gpt-2"), small_byte_level_vocab("llama-bpe"),
        small_byte_level_vocab("gpt-4o"), small_byte_level_vocab("deepseek-llm"),
        small_sentencepiece_vocab("llama", true), small_sentencepiece_vocab("t5", true)}) {
    const auto tokenizer = make(vocab);
    for (const std::string& run : runs) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_FALSE(tokenizer->encode(run).empty());
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20))
          << vocab.model << vocab.pre;
    }
  }
}

TEST(Tokenizer, ManyThreadsGetTheSameIds) {
  const auto tokenizer = make(small_byte_level_vocab("llama-bpe"));
  const std::string text = "hello  hello aaaaaaaa hello\n\n123 hell hello";
  const auto expected = tokenizer->encode(text);
  std::vector<std::thread> threads;
  std::atomic<int> different{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) different += tokenizer->encode(text) != expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(different.load(), 0);
}

TEST(Tokenizer, RefusesBadVocabularies) {
  const auto code = [](auto change) {
    Vocab vocab = small_sentencepiece_vocab("llama", true);
    change(vocab);
    const auto result = Tokenizer::create(std::move(vocab));
    return result ? "none" : result.error().code;
  };
  EXPECT_EQ(code([](Vocab&) {}), "none");
  EXPECT_EQ(code([](Vocab& v) { v.model = "rwkv"; }), "vocab.unsupported_model");
  EXPECT_EQ(code([](Vocab& v) { v.model = "gpt2", v.pre = "made-up"; }), "vocab.unsupported_pre");
  EXPECT_EQ(code([](Vocab& v) { v.tokens.clear(); }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.types.pop_back(); }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.scores.push_back(0); }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.scores[3] = std::numeric_limits<float>::quiet_NaN(); }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.bos = 1 << 20; }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.eot = -7; }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.merges = {"nospace"}; }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.precompiled_charsmap = "abc"; }), "vocab.malformed");
  EXPECT_EQ(code([](Vocab& v) { v.tokens[5] = std::string(1 << 20, 'x'); }), "vocab.malformed");
}

TEST(Pretokenizer, EveryNameInTheTableCompiles) {
  for (const char* name : {"",          "default",         "gpt-2",          "mpt",         "smollm",
                           "command-r", "qwen2",           "qwen35",         "llama-bpe",   "dbrx",
                           "glm4",      "gpt-4o",          "tekken",         "seed-coder",  "bailingmoe",
                           "falcon",    "deepseek-llm",    "deepseek-coder", "deepseek-v3", "bloom",
                           "viking",    "deepseek-r1-qwen"}) {
    const PretokenizerKind* kind = find_pretokenizer(name);
    ASSERT_NE(kind, nullptr) << name;
    const auto pretokenizer = Pretokenizer::create(*kind);
    ASSERT_TRUE(pretokenizer) << name << pretokenizer.error().to_string();
    Pretokenizer::Words words;
    pretokenizer->split("a b\xFF 12\n", words);
    std::string joined;
    for (const std::string_view word : words) joined += word;
    EXPECT_EQ(joined, "a b\xFF 12\n") << name;
  }
  EXPECT_EQ(find_pretokenizer("no such"), nullptr);
}

TEST(Nfc, ComposesAndKeepsStrayBytes) {
  EXPECT_EQ(to_nfc("e\xCC\x81"), "\xC3\xA9");
  EXPECT_EQ(to_nfc("\xFF"
                   "e\xCC\x81\xE4"),
            "\xFF\xC3\xA9\xE4");
  EXPECT_EQ(to_nfc("a\xCC\x88\xCC\xA3"), to_nfc("a\xCC\xA3\xCC\x88"));
  constexpr int kMarks = 100000;
  const std::string below = "\xCC\xA3", above = "\xCC\x81";
  std::string mixed = "a", sorted = "\xE1\xBA\xA1";  // the first mark composes with its letter
  for (int i = 0; i < kMarks; ++i) mixed += below + above;
  for (int i = 1; i < kMarks; ++i) sorted += below;
  for (int i = 0; i < kMarks; ++i) sorted += above;
  EXPECT_TRUE(to_nfc(mixed) == sorted);
}

}  // namespace
}  // namespace pingti
