// What is drafted, given times that are told rather than measured.
#include "engine/speculation/speculator.h"

#include <gtest/gtest.h>

#include "engine/sequence.h"
#include "engine/testing/fake_model.h"
#include "engine/testing/requests.h"
#include "kernels/kernels.h"

namespace pingti::testing {
namespace {

// Offers `most` tokens of one class of evidence; each takes so long.
class OfferingDrafter final : public Drafter {
 public:
  explicit OfferingDrafter(double seconds = 0, int evidence = 3) : seconds_(seconds), evidence_(evidence) {}
  void propose(std::span<DraftTarget> targets) override {
    for (DraftTarget& target : targets) target.draft.assign(static_cast<size_t>(target.most), {7, evidence_});
    asked += targets.size();
  }
  double assumed_chance(int) const override { return 0.5; }
  double seconds_per_token(int) const override { return seconds_; }
  size_t asked = 0;

 private:
  double seconds_;
  int evidence_;
};

// Sequences that decode, and a speculator that is told what a step takes.
class SpeculatorTest : public ::testing::Test {
 protected:
  void start(int sequences, std::vector<std::unique_ptr<Drafter>> drafters, SpeculationLimits limits = {}) {
    speculator_ = std::make_unique<Speculator>(std::move(drafters), limits);
    for (int i = 0; i < sequences; ++i) {
      auto state = std::make_shared<RequestState>();
      state->request = make_request({1, 2, 3}, -1);
      state->prompt_sent = true;
      owned_.push_back(std::make_unique<Sequence>(state, 0, 100000, PageTable(1),
                                                  Sampler(*select_kernels("").value(), {}, kFakeVocab, 1, 0),
                                                  *tokenizer_));
      owned_.back()->computed = 2;
      owned_.back()->drawn = 1;
      running_.push_back(owned_.back().get());
    }
  }
  static std::vector<std::unique_ptr<Drafter>> one(std::unique_ptr<Drafter> drafter) {
    std::vector<std::unique_ptr<Drafter>> all;
    all.push_back(std::move(drafter));
    return all;
  }
  // Steps of a + b * rows seconds in which each sequence keeps the first `right` drafted tokens. Returns the
  // drafted tokens of all.
  size_t steps(int count, double a, double b, int right) {
    size_t drafted = 0;
    for (int i = 0; i < count; ++i) {
      speculator_->propose(running_);
      size_t rows = running_.size();
      for (Sequence* sequence : running_) {
        const size_t size = sequence->speculation.draft.size();
        rows += size;
        drafted += size;
        speculator_->verified(*sequence, std::min(right, static_cast<int>(size)));
      }
      speculator_->measured(static_cast<int>(rows), a + b * static_cast<double>(rows));
    }
    return drafted;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = *Tokenizer::create(fake_vocab());
  std::unique_ptr<Speculator> speculator_;
  std::vector<std::unique_ptr<Sequence>> owned_;
  std::vector<Sequence*> running_;
};

TEST_F(SpeculatorTest, RightDraftsGrowToTheMost) {
  start(1, one(std::make_unique<OfferingDrafter>()), {.draft_max = 16});
  steps(60, 0.020, 0.001, 100);
  EXPECT_EQ(steps(10, 0.020, 0.001, 100), 160u);
  EXPECT_EQ(speculator_->stats().accepted_at[15] > 10, true);
}

TEST_F(SpeculatorTest, WrongDraftsStopAndAreTriedAgainRarely) {
  start(1, one(std::make_unique<OfferingDrafter>()));
  steps(200, 0.020, 0.002, 0);
  const size_t drafted = steps(2000, 0.020, 0.002, 0);
  EXPECT_GT(drafted, 0u);
  EXPECT_LT(drafted, 60u);
  // A change for the better is noticed.
  steps(3000, 0.020, 0.002, 100);
  EXPECT_GT(steps(100, 0.020, 0.002, 100), 1000u);
}

TEST_F(SpeculatorTest, ManySequencesLeaveNoRoomForDrafts) {
  // Up to some rows a step is bound by reading the weights, beyond by computing.
  start(32, one(std::make_unique<OfferingDrafter>()));
  EXPECT_LT(steps(100, 0.001, 0.003, 1), 200u);
}

TEST_F(SpeculatorTest, DraftsThatTakeLongerThanTheySaveAreNotMade) {
  auto slow = std::make_unique<OfferingDrafter>(0.019);
  const OfferingDrafter* drafter = slow.get();
  start(1, one(std::move(slow)));
  steps(2, 0.020, 0.001, 2);
  const size_t before = drafter->asked;
  steps(500, 0.020, 0.001, 2);
  EXPECT_LT(drafter->asked - before, 12u);  // probes only
}

TEST_F(SpeculatorTest, OfTwoDraftsThePromisingOneIsVerified) {
  std::vector<std::unique_ptr<Drafter>> both;
  both.push_back(std::make_unique<OfferingDrafter>(0, 1));
  both.push_back(std::make_unique<OfferingDrafter>(0.001, 2));
  start(1, std::move(both), {.draft_max = 4});
  for (int i = 0; i < 300; ++i) {  // only the second is ever right
    speculator_->propose(running_);
    const auto& own = running_[0]->speculation;
    const int size = static_cast<int>(own.draft.size());
    speculator_->measured(1 + size, 0.020 + 0.001 * size);
    if (i > 250) {
      EXPECT_EQ(own.drafter, 1u);
      EXPECT_EQ(size, 4);
    }
    speculator_->verified(*running_[0], own.drafter == 1 ? size : 0);
  }
}

TEST_F(SpeculatorTest, ShortDraftsAreDroppedAndTheLimitIsNeverPassed) {
  start(1, one(std::make_unique<OfferingDrafter>()), {.draft_max = 8, .draft_min = 5});
  running_[0]->limit = running_[0]->size() + 6;  // one is drawn after the draft
  speculator_->measured(1, 0.02);
  speculator_->measured(9, 0.02);
  speculator_->propose(running_);
  EXPECT_EQ(running_[0]->speculation.draft.size(), 5u);
  running_[0]->limit = running_[0]->size() + 5;
  speculator_->propose(running_);
  EXPECT_TRUE(running_[0]->speculation.draft.empty());
  running_[0]->limit = running_[0]->size() + 1;
  speculator_->propose(running_);
  EXPECT_TRUE(running_[0]->speculation.draft.empty());
}

TEST_F(SpeculatorTest, SequencesThatDoNotDecodeGetNoDraft) {
  start(2, one(std::make_unique<OfferingDrafter>()), {.adaptive = false});
  running_[0]->computed = 0;  // to be computed again
  running_[1]->drawn = 0;     // still at its prompt's last token
  running_[0]->speculation.draft = {{1, 0}};
  speculator_->propose(running_);
  EXPECT_TRUE(running_[0]->speculation.draft.empty());
  EXPECT_TRUE(running_[1]->speculation.draft.empty());
}

}  // namespace
}  // namespace pingti::testing
