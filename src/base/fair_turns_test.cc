#include "base/fair_turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace pingti {
namespace {

TEST(FairTurns, OneWorksAtATime) {
  auto turns = std::make_shared<FairTurns>();
  std::atomic<int> working{0};
  int64_t count = 0;  // guarded by the turns
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      FairTurns::Member member(turns);
      for (int round = 0; round < 500; ++round) {
        const Turn turn(member);
        EXPECT_EQ(++working, 1);
        ++count;
        --working;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 2000);
}

// A member's long turns do not take more of the time than another's short ones, though each waits for the
// other.
TEST(FairTurns, ShortTurnsGetTheirShare) {
  auto turns = std::make_shared<FairTurns>();
  std::atomic<bool> stop{false};
  const auto work = [&](std::chrono::milliseconds length) {
    FairTurns::Member member(turns);
    int rounds = 0;
    for (; !stop; ++rounds) {
      const Turn turn(member);
      std::this_thread::sleep_for(length);
    }
    return rounds;
  };
  int longs = 0;
  int shorts = 0;
  std::thread first([&] { longs = work(std::chrono::milliseconds(40)); });
  std::thread second([&] { shorts = work(std::chrono::milliseconds(4)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  stop = true;
  first.join();
  second.join();
  EXPECT_GT(shorts, 3 * longs);  // about ten times as many; as many if turns alternated
}

TEST(FairTurns, AloneThereIsNothingToWaitFor) {
  FairTurns::Member alone(nullptr);
  const Turn one(alone);
  FairTurns::Member other(nullptr);
  const Turn two(other);
}

}  // namespace
}  // namespace pingti
