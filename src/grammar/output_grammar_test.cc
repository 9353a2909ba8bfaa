#include "grammar/output_grammar.h"

#include <gtest/gtest.h>

#include <thread>

#include "grammar/compile_queue.h"
#include "grammar/grammar_cache.h"
#include "grammar/testing/byte_grammar.h"

namespace pingti::testing {
namespace {

const OutputSpec kChoice{.kind = OutputKind::kChoice, .choices = {"red", "green", "gr\"ün\n"}};

TEST(OutputGrammar, Choice) {
  EXPECT_TRUE(accepts(kChoice, "red"));
  EXPECT_TRUE(accepts(kChoice, "gr\"ün\n"));
  EXPECT_FALSE(accepts(kChoice, "gr"));
  EXPECT_FALSE(accepts(kChoice, "blue"));
  EXPECT_EQ(byte_compiler().compile({.kind = OutputKind::kChoice}).error().error.code, "grammar.choice");
  EXPECT_EQ(byte_compiler().compile({.kind = OutputKind::kChoice, .choices = {"\xff"}}).error().error.code,
            "grammar.choice");
  EXPECT_EQ(byte_compiler()
                .compile({.kind = OutputKind::kChoice, .choices = std::vector<std::string>(3000, "a")})
                .error()
                .error.code,
            "grammar.limit");
}

TEST(OutputGrammar, JsonObject) {
  const OutputSpec spec;
  EXPECT_TRUE(accepts(spec, R"({"a": [1.5e3, "\u00e9\n", {}, null]})"));
  EXPECT_FALSE(accepts(spec, "[1]"));
  EXPECT_FALSE(accepts(spec, "{\"a\": \"\t\"}"));
  EXPECT_FALSE(accepts(spec, "{" + std::string(100, ' ') + "}"));
}

TEST(OutputGrammar, MasksAfterADraftAreThoseWithoutIt) {
  const auto constraint =
      compiled(schema_spec(R"({"properties": {"a": {"type": "integer"}}, "required": ["a"]})"));
  const std::string text = R"({"a": 12})";
  std::vector<int32_t> draft(text.begin(), text.end());
  draft.push_back(kByteEnd);
  draft.push_back('x');
  MaskStats stats;
  OutputMatcher ahead(constraint);
  ahead.prepare(draft, &stats);
  OutputMatcher slow(constraint);
  for (size_t i = 0; i <= text.size(); ++i) {
    slow.prepare({}, &stats);
    ASSERT_EQ(std::vector(ahead.mask(i).begin(), ahead.mask(i).end()),
              std::vector(slow.mask(0).begin(), slow.mask(0).end()))
        << i;
    ASSERT_TRUE(slow.accept(draft[i]));
  }
  EXPECT_TRUE(slow.finished());
  EXPECT_TRUE(ahead.mask(text.size() + 1).empty());  // over
  // The draft has left no trace.
  for (size_t i = 0; i <= text.size(); ++i) ASSERT_TRUE(ahead.accept(draft[i])) << i;
  EXPECT_TRUE(ahead.finished());
  EXPECT_GT(stats.seconds, 0);

  OutputMatcher wrong(constraint);
  wrong.prepare(std::vector<int32_t>{'{', 'x', '"'}, &stats);
  EXPECT_FALSE(wrong.mask(1).empty());
  EXPECT_TRUE(wrong.mask(2).empty());  // the second token is not allowed
  EXPECT_FALSE(wrong.accept('x'));
  EXPECT_TRUE(wrong.accept('{'));
}

TEST(OutputGrammar, OnlyTheEndIsAllowedWhenComplete) {
  OutputMatcher matcher(compiled(regex_spec("ab")));
  MaskStats stats;
  matcher.prepare(std::vector<int32_t>{'a', 'b'}, &stats);
  int allowed = 0;
  for (int32_t token = 0; token < kByteVocab; ++token) allowed += allows(matcher.mask(2), token) ? 1 : 0;
  EXPECT_EQ(allowed, 1);
  EXPECT_TRUE(allows(matcher.mask(2), kByteEnd));
  EXPECT_FALSE(allows(matcher.mask(1), kByteEnd));
}

TEST(OutputGrammar, BeginsAfterItsMarker) {
  const auto constraint = compiled(regex_spec("ok"), "</t></think>");
  OutputMatcher matcher(constraint);
  MaskStats stats;
  const std::string text = "hm </t></t></think>ok";
  std::vector<int32_t> draft(text.begin(), text.end());
  draft.push_back(kByteEnd);
  matcher.prepare(draft, &stats);
  for (size_t i = 0; i < draft.size(); ++i) ASSERT_TRUE(allows(matcher.mask(i), draft[i])) << i;
  EXPECT_FALSE(allows(matcher.mask(0), kByteEnd));           // the end would leave the form out
  EXPECT_TRUE(allows(matcher.mask(3), 'x'));                 // free before the marker
  EXPECT_FALSE(allows(matcher.mask(text.size() - 2), 'x'));  // bound after it
  for (const int32_t token : draft) ASSERT_TRUE(matcher.accept(token));
  EXPECT_TRUE(matcher.finished());
}

TEST(OutputGrammar, CompilesOnceForAll) {
  GrammarCompiler compiler(byte_tokenizer(), kByteVocab);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(compiler.compile(kChoice)); });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(compiler.compile(kChoice));
  EXPECT_EQ(compiler.stats().compiled, 1u);
  EXPECT_GE(compiler.stats().cache_hits, 1u);
  EXPECT_GT(compiler.stats().cache_bytes, 0u);
  EXPECT_FALSE(compiler.compile(regex_spec("(")));
  EXPECT_EQ(compiler.stats().refused, 1u);
}

TEST(OutputGrammar, PatienceEnds) {
  CompilerOptions options;
  options.patience = std::chrono::milliseconds(0);
  GrammarCompiler compiler(byte_tokenizer(), kByteVocab, options);
  const auto late = compiler.compile(schema_spec(R"({"type": "string", "maxLength": 500})"));
  if (late) GTEST_SKIP() << "compiled at once";
  EXPECT_EQ(late.error().error.code, "grammar.slow");
  EXPECT_EQ(late.error().error.kind, ErrorKind::kExhausted);
  EXPECT_EQ(compiler.stats().timeouts, 1u);
}

TEST(CompileQueue, RefusesWhenFullAndDropsWhenStopped) {
  std::mutex gate;
  std::atomic<int> ran = 0;
  std::shared_ptr<CompileQueue::Job> first;
  std::shared_ptr<CompileQueue::Job> second;
  {
    CompileQueue queue(1);
    std::unique_lock held(gate);
    first = queue.add([&] {
      ++ran;
      const std::lock_guard wait(gate);
    });
    while (ran == 0) std::this_thread::yield();
    second = queue.add([&] { ++ran; });
    ASSERT_TRUE(second);
    EXPECT_FALSE(queue.add([] {}));
    EXPECT_FALSE(first->wait(std::chrono::milliseconds(1)));
    held.unlock();
    EXPECT_TRUE(first->wait(std::chrono::seconds(10)));
    EXPECT_TRUE(second->wait(std::chrono::seconds(10)));
  }
  EXPECT_EQ(ran, 2);
}

TEST(GrammarCache, IsBoundedByBytes) {
  GrammarCache cache(1000);
  cache.add("a", nullptr, 400);
  cache.add("b", nullptr, 400);
  EXPECT_EQ(cache.bytes(), 804u);
  cache.find("a");
  cache.add("c", nullptr, 400);  // "b" was used longest ago
  EXPECT_EQ(cache.bytes(), 804u);
  cache.add("d", nullptr, 2000);
  EXPECT_EQ(cache.bytes(), 804u);
}

}  // namespace
}  // namespace pingti::testing
