#include "engine/prefix_reuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "engine/testing/engine_fixture.h"
#include "engine/testing/requests.h"

namespace pingti::testing {
namespace {

namespace fs = std::filesystem;

GenerationRequest long_answer(std::vector<int32_t> prompt, int64_t max_tokens, uint64_t seed = 1) {
  auto request = make_request(std::move(prompt), max_tokens, 0.9f, seed);
  request.ignore_eos = true;
  return request;
}

std::vector<int32_t> prompt_of(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  return random_tokens(random, count);
}

int64_t whole_pages(size_t tokens) { return static_cast<int64_t>(tokens) / kPageTokens * kPageTokens; }

void expect_right(FakeEngine& fake, const GenerationRequest& request, const RecordingSink& sink) {
  for (int choice = 0; choice < request.choices; ++choice)
    expect_same(sink.answer(choice), expected_answer(*fake.model, fake.engine->tokenizer(), request, choice));
}

// Holds the engine in its first step until open(), so that what is submitted meanwhile arrives together.
class Gate {
 public:
  explicit Gate(FakeEngine& fake) {
    fake.model->before_forward = [this](const Batch& batch) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return open_; });
      if (each_step) each_step(batch);
    };
    first_ = fake.submit(long_answer({1}, 1));
    while (fake.engine->stats().running + fake.engine->stats().waiting == 0) std::this_thread::yield();
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::function<void(const Batch&)> each_step;  // set before open(); on the engine's thread

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::shared_ptr<RecordingSink> first_;
};

TEST(Coalescing, EqualPromptsThatArriveTogetherAreComputedOnce) {
  for (const int chunk : {16, 64, 512}) {
    SCOPED_TRACE(chunk);
    FakeEngine fake({.prefill_chunk = chunk});
    Gate gate(fake);
    const auto prompt = prompt_of(300);
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    for (uint64_t i = 0; i < 5; ++i) {
      requests.push_back(long_answer(prompt, 10, i));
      sinks.push_back(fake.submit(requests.back()));
    }
    gate.open();
    for (size_t i = 0; i < sinks.size(); ++i) {
      sinks[i]->wait();
      expect_right(fake, requests[i], *sinks[i]);
      EXPECT_EQ(sinks[i]->prompt_event()->cached_tokens, i == 0 ? 0 : whole_pages(299));
    }
    fake.engine->drain();
    EXPECT_EQ(fake.engine->stats().prompt_tokens,
              1 + 300 + 4 * (300 - static_cast<uint64_t>(whole_pages(299))));
    EXPECT_EQ(fake.engine->stats().reuse.coalesced, 4u);
    fake.expect_clean();
  }
}

TEST(Coalescing, ACommonBeginningIsWaitedForAndNoLonger) {
  FakeEngine fake({.prefill_chunk = 32});
  Gate gate(fake);
  const auto prompt = prompt_of(640);
  auto other = prompt;
  other.resize(100);
  other.push_back(7);
  int most = 0;  // rows of steps that compute both prompts: the second begins long before the first is done
  gate.each_step = [&](const Batch& batch) {
    most = std::max(most, static_cast<int>(batch.sequences.size()));
  };
  const auto first = fake.submit(long_answer(prompt, 2));
  const auto second = fake.submit(long_answer(other, 30));
  gate.open();
  second->wait();
  EXPECT_EQ(second->prompt_event()->cached_tokens, whole_pages(100));
  first->wait();
  expect_right(fake, long_answer(prompt, 2), *first);
  expect_right(fake, long_answer(other, 30), *second);
  EXPECT_EQ(most, 2);
  fake.expect_clean();
}

TEST(Coalescing, GoesOnWhenTheComputingOneIsCancelled) {
  FakeEngine fake({.prefill_chunk = 32});
  Gate gate(fake);
  const auto request = long_answer(prompt_of(640), 5);
  uint64_t leader = 0;
  int steps = 0;
  gate.each_step = [&](const Batch&) {
    if (++steps == 8) fake.engine->cancel(leader);
  };
  const auto cancelled = fake.submit(request, &leader);
  const auto second = fake.submit(request);
  const auto third = fake.submit(request);
  gate.open();
  for (const auto& sink : {second, third}) {
    sink->wait();
    expect_right(fake, request, *sink);
  }
  cancelled->wait();
  EXPECT_EQ(cancelled->reason(), FinishReason::kCancelled);
  EXPECT_GT(second->prompt_event()->cached_tokens, 0);  // what the first had done
  fake.engine->drain();
  EXPECT_LT(fake.engine->stats().prompt_tokens, 640u + 4 * kPageTokens);
  fake.expect_clean();
}

TEST(Coalescing, GoesOnWhenTheComputingOneFails) {
  FakeEngine fake({.prefill_chunk = 32});
  Gate gate(fake);
  const auto request = long_answer(prompt_of(640), 5);
  int steps = 0;
  gate.each_step = [&](const Batch&) {
    if (++steps == 8) throw std::runtime_error("scripted");
  };
  const auto failed = fake.submit(request);
  const auto second = fake.submit(request);
  gate.open();
  second->wait();
  expect_right(fake, request, *second);
  failed->wait();
  EXPECT_EQ(failed->reason(), FinishReason::kError);
  fake.expect_clean();
}

TEST(Coalescing, GoesOnThroughPreemptions) {
  FakeEngine fake({.pages = {16}, .context = 512, .prefill_chunk = 16});
  Gate gate(fake);
  std::vector<GenerationRequest> requests;
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (uint64_t i = 0; i < 8; ++i) {
    requests.push_back(long_answer(prompt_of(150, i < 6 ? 1 : 2), 100, i));
    sinks.push_back(fake.submit(requests.back()));
  }
  gate.open();
  for (size_t i = 0; i < sinks.size(); ++i) {
    sinks[i]->wait();
    expect_right(fake, requests[i], *sinks[i]);
  }
  EXPECT_GT(fake.engine->stats().preemptions, 0u);
  fake.expect_clean();
}

TEST(Coalescing, PromptScoresAreNotWaitedFor) {
  FakeEngine fake({.prefill_chunk = 32});
  Gate gate(fake);
  auto request = long_answer(prompt_of(200), 2);
  request.prompt_logprobs = true;
  request.top_logprobs = 0;
  const auto first = fake.submit(request);
  const auto second = fake.submit(request);
  gate.open();
  for (const auto& sink : {first, second}) {
    sink->wait();
    EXPECT_EQ(sink->prompt_event()->logprobs.size(), 199u);
    EXPECT_EQ(sink->prompt_event()->cached_tokens, 0);
  }
  fake.expect_clean();
}

TEST(Salts, KeepPrefixesApart) {
  FakeEngine fake;
  auto request = long_answer(prompt_of(200), 3);
  const auto cached = [&](const std::string& salt) {
    request.cache_salt = salt;
    return fake.answer(request)->prompt_event()->cached_tokens;
  };
  EXPECT_EQ(cached("one"), 0);
  EXPECT_EQ(cached("two"), 0);
  EXPECT_EQ(cached(""), 0);
  EXPECT_EQ(cached("one"), whole_pages(199));
  EXPECT_EQ(cached("two"), whole_pages(199));
  fake.expect_clean();
}

TEST(Salts, NobodyWaitsForAnother) {
  FakeEngine fake({.prefill_chunk = 32});
  Gate gate(fake);
  auto request = long_answer(prompt_of(200), 3);
  const auto first = fake.submit(request);
  request.cache_salt = "other";
  const auto second = fake.submit(request);
  gate.open();
  second->wait();
  EXPECT_EQ(second->prompt_event()->cached_tokens, 0);
  first->wait();
  EXPECT_EQ(fake.engine->stats().reuse.coalesced, 0u);
  fake.expect_clean();
}

// The numbers are published after an answer's last event.
bool sessions_become(const FakeEngine& fake, int64_t wanted) {
  for (int i = 0; i < 10000 && fake.engine->stats().reuse.sessions != wanted; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return fake.engine->stats().reuse.sessions == wanted;
}

// The conversation's second turn, after much else.
int64_t cached_in_second_turn(FakeEngine& fake, const std::string& key) {
  auto turn = long_answer(prompt_of(300, 99), 20);
  turn.cache_key = key;
  const auto first = fake.answer(turn);
  for (unsigned i = 0; i < 12; ++i) fake.answer(long_answer(prompt_of(420, 100 + i), 3));
  const auto& answer = first->answer().tokens;
  turn.prompt.insert(turn.prompt.end(), answer.begin(), answer.end());
  turn.prompt.push_back(5);
  const auto second = fake.answer(turn);
  expect_right(fake, turn, *second);
  return second->prompt_event()->cached_tokens;
}

TEST(Sessions, AConversationKeepsItsPrefixWhateverElseHappens) {
  FakeEngine fake({.pages = {32}, .context = 1000});
  EXPECT_EQ(cached_in_second_turn(fake, "key"), whole_pages(319));
  EXPECT_TRUE(sessions_become(fake, 1));
  fake.expect_clean();
  FakeEngine plain({.pages = {32}, .context = 1000});
  EXPECT_LT(cached_in_second_turn(plain, ""), whole_pages(319));
}

TEST(Sessions, GiveWayToARequestThatNeedsTheWholeMemory) {
  FakeEngine fake({.pages = {32}, .context = 1000, .sessions = {.share = 0.9}});
  for (unsigned i = 0; i < 3; ++i) {
    auto turn = long_answer(prompt_of(250, i), 5);
    turn.cache_key = std::to_string(i);
    fake.answer(turn);
  }
  EXPECT_TRUE(sessions_become(fake, 3));
  const auto large = long_answer(prompt_of(500, 9), 490);  // grows into all pages
  const auto sink = fake.answer(large);
  expect_right(fake, large, *sink);
  EXPECT_LT(fake.engine->stats().reuse.sessions, 3);
  const auto larger = long_answer(prompt_of(990, 10), 5);  // needs them at once
  expect_right(fake, larger, *fake.answer(larger));
  EXPECT_TRUE(sessions_become(fake, 0));
  fake.expect_clean();
}

class Disk : public ::testing::Test {
 protected:
  Disk() {
    std::string name = (fs::temp_directory_path() / "prefix_reuse_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
  }
  ~Disk() override { fs::remove_all(folder); }

  EngineSetup setup() const { return {.prefill_chunk = 48, .kv_disk = folder.string()}; }
  // Breaks every so many-th file.
  void damage(size_t every) const {
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file() || ++count % every != 0) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(200);
      file.put('\x55').put('\x55');
    }
  }
  fs::path folder;
};

TEST_F(Disk, APrefixOutlivesTheEngine) {
  for (const auto& windows : {std::vector<int>{0}, std::vector<int>{0, 50}, std::vector<int>{70}}) {
    EngineSetup setup = Disk::setup();
    setup.windows = windows;
    setup.pages.assign(windows.size(), 200);
    setup.fingerprint = std::to_string(windows.size()) + std::to_string(windows.back());
    setup.sinks = 5;
    const auto request = long_answer(prompt_of(500), 40);
    {
      FakeEngine fake(setup);
      EXPECT_EQ(fake.answer(request)->prompt_event()->cached_tokens, 0);
    }
    FakeEngine fake(setup);
    const auto again = fake.answer(request);
    EXPECT_EQ(again->prompt_event()->cached_tokens, whole_pages(499));
    expect_right(fake, request, *again);
    fake.engine->drain();
    const ReuseStats stats = fake.engine->stats().reuse;
    EXPECT_EQ(stats.disk.hit_tokens, static_cast<uint64_t>(whole_pages(499)));
    EXPECT_EQ(stats.disk.healed_blocks, 0u);
    fake.expect_clean();
  }
}

TEST_F(Disk, ServesNeitherAnotherModelNorAnotherSalt) {
  auto request = long_answer(prompt_of(300), 4);
  request.cache_salt = "one";
  FakeEngine(setup()).answer(request);
  EngineSetup other = setup();
  other.fingerprint = "another";
  EXPECT_EQ(FakeEngine(other).answer(request)->prompt_event()->cached_tokens, 0);
  request.cache_salt = "two";
  EXPECT_EQ(FakeEngine(setup()).answer(request)->prompt_event()->cached_tokens, 0);
  request.cache_salt = "one";
  EXPECT_EQ(FakeEngine(setup()).answer(request)->prompt_event()->cached_tokens, whole_pages(299));
}

TEST_F(Disk, DamageCostsTimeAndNoAnswer) {
  const auto request = long_answer(prompt_of(600), 20);
  FakeEngine(setup()).answer(request);
  damage(3);
  FakeEngine fake(setup());
  const auto again = fake.answer(request);
  expect_right(fake, request, *again);
  EXPECT_LT(again->prompt_event()->cached_tokens, whole_pages(599));
  EXPECT_EQ(fake.engine->stats().reuse.disk.healed_blocks, 1u);  // the first that is broken ends the reading
  fake.expect_clean();
}

TEST_F(Disk, RequestsThatBeginAlikeReadOnce) {
  const auto prompt = prompt_of(640);
  FakeEngine(setup()).answer(long_answer(prompt, 2));
  FakeEngine fake(setup());
  Gate gate(fake);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (uint64_t i = 0; i < 4; ++i) sinks.push_back(fake.submit(long_answer(prompt, 8, i)));
  gate.open();
  for (uint64_t i = 0; i < 4; ++i) {
    sinks[i]->wait();
    expect_right(fake, long_answer(prompt, 8, i), *sinks[i]);
    EXPECT_EQ(sinks[i]->prompt_event()->cached_tokens, whole_pages(639));
  }
  EXPECT_EQ(fake.engine->stats().reuse.disk.hit_tokens, static_cast<uint64_t>(whole_pages(639)));
  fake.expect_clean();
}

TEST_F(Disk, CancellingWhileBlocksAreReadLosesNoPage) {
  const auto prompt = prompt_of(3000);
  EngineSetup large = setup();
  FakeEngine(large).answer(long_answer(prompt, 2));
  for (int i = 0; i < 10; ++i) {
    FakeEngine fake(large);
    uint64_t id = 0;
    const auto sink = fake.submit(long_answer(prompt, 50), &id);
    std::this_thread::sleep_for(std::chrono::microseconds(i * 100));
    fake.engine->cancel(id);
    sink->wait();
    fake.expect_clean();
  }
}

// Everything at once: salts, keys, choices, cancelling, short memory, disk with some damage, several lives of
// the engine. Every answer is that of the request alone.
TEST_F(Disk, MixedRequestsAreAnsweredAsIfEachWereAlone) {
  auto requests = mixed_requests(40);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].cache_salt = std::string(i % 3, 's');
    if (i % 4 != 0) requests[i].cache_key = std::string(1, static_cast<char>('a' + i % 5));
  }
  uint64_t hits = 0;
  for (unsigned life = 0; life < 6; ++life) {
    EngineSetup setup = Disk::setup();
    setup.windows = life % 2 == 0 ? std::vector<int>{0} : std::vector<int>{0, 50};
    setup.pages = life % 2 == 0 ? std::vector<int64_t>{24} : std::vector<int64_t>{30, 14};
    setup.context = 640;
    setup.fingerprint = std::to_string(life % 2);
    setup.prefill_chunk = life < 2 ? 16 : 100;
    if (life == 3) damage(4);
    FakeEngine fake(setup);
    const auto sinks = fake.submit_and_cancel(requests, life);
    for (size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE(i);
      sinks[i]->wait();
      for (int choice = 0; choice < requests[i].choices; ++choice) {
        const Answer& got = sinks[i]->answer(choice);
        const Answer want = expected_answer(*fake.model, fake.engine->tokenizer(), requests[i], choice, 640);
        if (got.end->reason != FinishReason::kCancelled) {
          expect_same(got, want);
        } else {
          ASSERT_LE(got.tokens.size(), want.tokens.size());
          EXPECT_TRUE(std::equal(got.tokens.begin(), got.tokens.end(), want.tokens.begin()));
        }
      }
    }
    fake.expect_clean();
    hits += fake.engine->stats().reuse.disk.hit_tokens;
  }
  EXPECT_GT(hits, 0u);
}

}  // namespace
}  // namespace pingti::testing
