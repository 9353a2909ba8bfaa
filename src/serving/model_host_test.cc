#include "serving/model_host.h"

#include <gtest/gtest.h>

#include <future>
#include <random>
#include <thread>

#include "serving/eviction.h"
#include "serving/testing/fake_loader.h"

namespace pingti {
namespace {

using namespace std::chrono_literals;
using Clock = ModelHost::Clock;

struct HostTest : testing::Test {
  std::shared_ptr<FakeLoader> loader = std::make_shared<FakeLoader>();
  HostOptions options{.budget = 230, .base = 10, .patience = 50ms, .first_back_off = 100ms};
  std::unique_ptr<ModelHost> host;

  void start(std::vector<ModelSpec> specs) {
    auto made = ModelHost::create(std::move(specs), loader, options);
    ASSERT_TRUE(made) << made.error().to_string();
    host = *std::move(made);
  }
  ModelHost::Name name(std::string_view text) const { return host->resolve(text).value(); }
  std::future<Result<Lease>> ask(std::string_view model, Clock::duration wait = 10s) {
    auto promise = std::make_shared<std::promise<Result<Lease>>>();
    auto future = promise->get_future();
    host->acquire(name(model), Clock::now() + wait,
                  [promise](Result<Lease> lease) { promise->set_value(std::move(lease)); });
    return future;
  }
  Lease use(std::string_view model) {
    auto lease = ask(model).get();
    EXPECT_TRUE(lease) << lease.error().to_string();
    return lease ? *lease : Lease{};
  }
  ModelState state(std::string_view model) const { return host->list()[name(model).model].state; }
  bool becomes(std::string_view model, ModelState wanted) const {
    for (int i = 0; i < 500; ++i) {
      if (state(model) == wanted) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
};

TEST_F(HostTest, LoadsOnDemandAndSharesOneLoad) {
  start({{.name = "a", .aliases = {"x"}}, {.name = "b"}});
  EXPECT_EQ(state("a"), ModelState::kUnloaded);
  EXPECT_FALSE(host->try_acquire(name("a")));
  loader->shut(true);
  std::vector<std::future<Result<Lease>>> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(ask(i % 2 ? "a" : "x"));
  EXPECT_TRUE(becomes("a", ModelState::kLoading));
  EXPECT_EQ(host->list()[0].progress, 0.5);
  EXPECT_EQ(host->list()[0].waiting, 20);
  loader->shut(false);
  std::vector<Lease> leases;
  for (auto& future : asked) leases.push_back(future.get().value());
  for (const Lease& lease : leases) {
    EXPECT_EQ(lease.engine, leases[0].engine);
    EXPECT_EQ(lease.name, "a");
  }
  EXPECT_EQ(loader->loads["a"], 1);
  EXPECT_EQ(host->list()[0].leases, 20);
  EXPECT_EQ(host->memory().used, 10 + 110);
  EXPECT_EQ(host->resolve("nothing"), std::nullopt);
  EXPECT_EQ(host->resolve("")->model, 0u);
}

TEST_F(HostTest, NamesMustBeOne) {
  EXPECT_EQ(ModelHost::create({{.name = "a"}, {.name = "b", .aliases = {"a"}}}, loader, {}).error().code,
            "host.name");
  EXPECT_EQ(ModelHost::create({{.name = ""}}, loader, {}).error().code, "host.name");
  EXPECT_EQ(ModelHost::create({}, loader, {}).error().code, "host.empty");
}

TEST_F(HostTest, TheLongestUnusedMakesRoom) {
  start({{.name = "a"}, {.name = "b"}, {.name = "c"}});
  use("a");
  use("b");
  use("a");  // used after b
  use("c");
  EXPECT_EQ(state("a"), ModelState::kReady);
  EXPECT_EQ(state("b"), ModelState::kUnloaded);
  EXPECT_LE(loader->highest, 220);
}

TEST_F(HostTest, PinnedModelsStay) {
  start({{.name = "a", .pinned = true}, {.name = "b"}, {.name = "c"}});
  use("a");
  use("b");
  use("c");
  EXPECT_EQ(state("a"), ModelState::kReady);
  EXPECT_EQ(state("b"), ModelState::kUnloaded);
}

TEST_F(HostTest, BusyModelsAreWaitedFor) {
  start({{.name = "a"}, {.name = "b"}, {.name = "c"}});
  Lease a = use("a");
  Lease b = use("b");
  auto c = ask("c");
  EXPECT_EQ(c.wait_for(20ms), std::future_status::timeout);
  b.hold.reset();
  EXPECT_EQ(c.get()->name, "c");
  EXPECT_EQ(state("b"), ModelState::kUnloaded);
  EXPECT_EQ(state("a"), ModelState::kReady);
}

TEST_F(HostTest, AfterPatienceNewRequestsWaitBehind) {
  start({{.name = "a"}, {.name = "b"}, {.name = "c"}});
  Lease a = use("a");
  Lease b = use("b");
  auto c = ask("c");
  std::this_thread::sleep_for(150ms);
  EXPECT_FALSE(host->try_acquire(name("a")));  // the longer unused is to leave
  EXPECT_TRUE(host->try_acquire(name("b")));
  auto again = ask("a");
  EXPECT_EQ(again.wait_for(50ms), std::future_status::timeout);
  a.hold.reset();
  Lease third = c.get().value();
  b.hold.reset();
  EXPECT_TRUE(again.get());
  EXPECT_LE(loader->highest, 220);
}

TEST_F(HostTest, DeadlinesAndCancelling) {
  start({{.name = "a"}, {.name = "b"}, {.name = "c"}});
  Lease a = use("a");
  Lease b = use("b");
  auto c = ask("c", 30ms);
  auto error = c.get();
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code, "host.memory");
  EXPECT_GT(host->retry_after(name("c"), error.error()), 0);
  bool called = false;
  const uint64_t ticket = host->acquire(name("c"), Clock::now() + 10s, [&](const auto&) { called = true; });
  host->cancel(ticket);
  EXPECT_EQ(host->list()[2].waiting, 0);
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(host->try_acquire(name("a")));  // nobody wants its memory any more
  a.hold.reset();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(state("c"), ModelState::kUnloaded);
  EXPECT_FALSE(called);
}

TEST_F(HostTest, WhatNeverFitsFailsAtOnce) {
  loader->scripts["big"].fixed = 1000;
  start({{.name = "big"}, {.name = "a"}});
  auto big = ask("big").get();
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, "host.memory");
  EXPECT_EQ(state("big"), ModelState::kFailed);
  EXPECT_EQ(loader->loads["big"], 0);
  use("a");
}

TEST_F(HostTest, FailuresHarmNoOtherAndBackOff) {
  loader->scripts["broken"].needs_error = Error{ErrorKind::kInvalid, "gguf.magic", "no model", ""};
  loader->scripts["late"].load_error = Error{ErrorKind::kInvalid, "model.bad_shape", "a wrong shape", ""};
  loader->scripts["thrower"].throws = true;
  start({{.name = "broken"}, {.name = "late"}, {.name = "thrower"}, {.name = "a"}});
  Lease a = use("a");
  EXPECT_EQ(ask("broken").get().error().code, "gguf.magic");
  EXPECT_EQ(ask("late").get().error().code, "model.bad_shape");
  EXPECT_EQ(ask("thrower").get().error().code, "host.load_failed");
  EXPECT_EQ(ask("late").get().error().code, "model.bad_shape");  // not tried again yet
  EXPECT_EQ(loader->loads["late"], 1);
  EXPECT_EQ(host->memory().used, 10 + 110);
  {
    auto lock = loader->lock();
    loader->scripts["late"].load_error.reset();
  }
  host->load(name("late"));
  EXPECT_TRUE(becomes("late", ModelState::kReady));
  std::this_thread::sleep_for(120ms);
  {
    auto lock = loader->lock();
    loader->scripts["broken"].needs_error.reset();
  }
  a.hold.reset();
  use("broken");
}

TEST_F(HostTest, KvTakesItsShareUpToWhatItCanUse) {
  loader->scripts["a"] = {.fixed = 100, .kv_least = 10, .kv_most = 60};
  loader->scripts["b"] = {.fixed = 20, .kv_least = 10, .kv_most = 500};
  start({{.name = "a"}, {.name = "b"}});
  use("a");
  EXPECT_EQ(loader->last_grant.kv_memory, 10);
  EXPECT_EQ(loader->last_share, 110);
  use("b");
  EXPECT_EQ(loader->last_grant.kv_memory, 90);
  EXPECT_EQ(host->memory().used, 230);
}

TEST_F(HostTest, IdleModelsGo) {
  start({{.name = "a", .idle_seconds = 0.1}, {.name = "b", .pinned = true, .idle_seconds = 0.1}});
  Lease a = use("a");
  use("b");
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(state("a"), ModelState::kReady);
  a.hold.reset();
  EXPECT_TRUE(becomes("a", ModelState::kUnloaded));
  EXPECT_EQ(state("b"), ModelState::kReady);
}

TEST_F(HostTest, UnloadWaitsForTheLastLease) {
  start({{.name = "a", .pinned = true}});
  Lease a = use("a");
  host->unload(name("a"));
  EXPECT_FALSE(host->try_acquire(name("a")));
  auto again = ask("a");
  EXPECT_EQ(again.wait_for(50ms), std::future_status::timeout);
  a.hold.reset();
  EXPECT_TRUE(again.get());
  EXPECT_EQ(loader->loads["a"], 2);
}

TEST_F(HostTest, PreloadsDoNotPushOthersOut) {
  loader->scripts["broken"].load_error = Error{ErrorKind::kInvalid, "x", "x", ""};
  start({{.name = "a", .preload = true},
         {.name = "broken", .preload = true},
         {.name = "b", .preload = true},
         {.name = "c", .preload = true}});
  host->wait_preloaded();
  EXPECT_TRUE(host->preloaded());
  EXPECT_EQ(host->preload_progress(), 1);
  EXPECT_EQ(state("a"), ModelState::kReady);
  EXPECT_EQ(state("b"), ModelState::kReady);
  EXPECT_EQ(host->list()[3].error->code, "host.memory");
}

// The lease goes with the sink, on the engine's thread, and that engine is then unloaded by the host's.
TEST_F(HostTest, ALeaseDroppedOnTheEnginesThread) {
  struct Sink : EventSink {
    Lease lease;
    void prompt(PromptEvent) override {}
    void tokens(TokenEvent) override {}
    void finish(FinishEvent) override {}
  };
  start({{.name = "a"}});
  for (int i = 0; i < 50; ++i) {
    auto sink = std::make_shared<Sink>();
    sink->lease = use("a");
    Engine& engine = *sink->lease.engine;
    host->unload(name("a"));
    EXPECT_TRUE(engine.submit({}, std::move(sink)));
    EXPECT_TRUE(becomes("a", ModelState::kUnloaded));
  }
  EXPECT_EQ(loader->held, 0);
}

TEST_F(HostTest, StatusesKeepTheirEngines) {
  start({{.name = "a"}});
  use("a");
  auto statuses = host->list();
  host->unload(name("a"));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(statuses[0].engine->info().model_name, "a");
  statuses.clear();
  EXPECT_TRUE(becomes("a", ModelState::kUnloaded));
}

TEST_F(HostTest, DrainRefusesAndReachesEveryEngine) {
  start({{.name = "a"}, {.name = "b"}, {.name = "c"}});
  Lease a = use("a");
  Lease b = use("b");
  auto c = ask("c");
  host->drain(1ms);
  EXPECT_EQ(c.get().error().code, "host.closed");
  EXPECT_EQ(ask("a").get().error().code, "host.closed");
  EXPECT_TRUE(dynamic_cast<NoEngine*>(a.engine)->drained);
  EXPECT_TRUE(dynamic_cast<NoEngine*>(b.engine)->drained);
}

TEST_F(HostTest, ServesAnEngineItDoesNotOwn) {
  std::atomic<int64_t> held{0};
  NoEngine engine("mine", 1, 1, &held);
  host = ModelHost::of(engine, {"one", "two"});
  EXPECT_EQ(use("two").engine, &engine);
  host->unload(name("one"));
  EXPECT_TRUE(host->try_acquire(name("one")));
  host = ModelHost::of(engine, {});
  EXPECT_EQ(host->names(), std::vector<std::string>{"mine"});
  host.reset();
  EXPECT_EQ(held, 1);
}

// Threads ask, hold, let go, cancel, load and unload at random: the sum never passes the budget and everybody
// gets an answer.
TEST_F(HostTest, TheBudgetHoldsWhateverHappens) {
  options = {.budget = 1000, .base = 50, .patience = 2ms, .first_back_off = 1ms, .most_back_off = 4ms};
  std::vector<ModelSpec> specs;
  for (int i = 0; i < 8; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    loader->scripts[name] = {.fixed = 50 + 60 * i, .kv_least = 20, .kv_most = 10 + 50 * i};
    specs.push_back({.name = name, .pinned = i == 1, .idle_seconds = i == 2 ? 0.001 : 0});
  }
  loader->scripts["e"].load_error = Error{ErrorKind::kInvalid, "x", "x", ""};
  start(std::move(specs));
  std::atomic<int> good{0};
  std::atomic<int> answered{0};
  std::atomic<int> over{0};
  std::vector<std::thread> threads;
  constexpr int kThreads = 6;
  constexpr int kRounds = 60;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int round = 0; round < kRounds; ++round) {
        const ModelHost::Name model{random() % 8};
        if (random() % 10 == 0) host->unload(model);
        if (random() % 10 == 0) host->load({random() % 8});
        if (random() % 10 == 0)
          host->cancel(host->acquire({random() % 8}, Clock::now() + 1s, [](const auto&) {}));
        std::promise<Result<Lease>> promise;
        auto future = promise.get_future();
        host->acquire(model, Clock::now() + std::chrono::milliseconds(random() % 400),
                      [&](Result<Lease> lease) { promise.set_value(std::move(lease)); });
        auto lease = future.get();
        ++answered;
        if (lease) {
          ++good;
          EXPECT_EQ(lease->engine->info().model_name, lease->name);
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        }
        const MemoryUse use = host->memory();
        over += use.used > use.budget;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, kThreads * kRounds);
  EXPECT_GT(good, kThreads * kRounds / 2);
  EXPECT_EQ(over, 0);
  EXPECT_LE(loader->highest + options.base, options.budget);
  host.reset();
  EXPECT_EQ(loader->held, 0);
}

TEST(Eviction, TheLongestUnusedAndNoMoreThanNeeded) {
  const auto at = [](int seconds) { return Clock::time_point(std::chrono::seconds(seconds)); };
  const std::vector<EvictionCandidate> all = {
      {0, 10, false, at(1)}, {1, 100, false, at(2)}, {2, 40, false, at(3)}, {3, 40, false, at(4)}};
  using Models = std::vector<size_t>;
  const auto sorted = [](Models models) {
    std::ranges::sort(models);
    return models;
  };
  EXPECT_EQ(sorted(choose_victims(all, 5)), (Models{0}));
  EXPECT_EQ(sorted(choose_victims(all, 50)), (Models{1}));  // the first alone is not enough, the second is
  EXPECT_EQ(sorted(choose_victims(all, 110)), (Models{0, 1}));
  EXPECT_EQ(sorted(choose_victims(all, 140)), (Models{1, 2}));
  EXPECT_EQ(sorted(choose_victims(all, 190)), (Models{0, 1, 2, 3}));
  EXPECT_TRUE(choose_victims(all, 191).empty());
  auto chosen = all;
  chosen[3].leaving = true;
  EXPECT_EQ(choose_victims(chosen, 30), (Models{3}));
}

}  // namespace
}  // namespace pingti
