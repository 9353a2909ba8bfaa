#include "sample/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "sample/fast_exp.h"
#include "sample/random.h"
#include "support/fixtures.h"

namespace pingti {
namespace {

using Json = nlohmann::json;
constexpr float kInf = std::numeric_limits<float>::infinity();

const Kernels& kernels() {
  static const Kernels* const kBest = *select_kernels();
  return *kBest;
}

SamplingParams params_from(const Json& json) {
  SamplingParams out;
  const std::map<std::string, float*> floats = {
      {"temperature", &out.temperature},
      {"top_p", &out.top_p},
      {"min_p", &out.min_p},
      {"typical_p", &out.typical_p},
      {"repetition_penalty", &out.repetition_penalty},
      {"presence_penalty", &out.presence_penalty},
      {"frequency_penalty", &out.frequency_penalty},
      {"dry_multiplier", &out.dry_multiplier},
      {"dry_base", &out.dry_base},
      {"xtc_probability", &out.xtc_probability},
      {"xtc_threshold", &out.xtc_threshold},
  };
  const std::map<std::string, int*> ints = {
      {"top_k", &out.top_k},
      {"penalty_last_n", &out.penalty_last_n},
      {"dry_allowed_length", &out.dry_allowed_length},
      {"dry_penalty_last_n", &out.dry_penalty_last_n},
  };
  for (const auto& [name, value] : json.items()) {
    if (floats.contains(name)) {
      *floats.at(name) = value.get<float>();
    } else if (ints.contains(name)) {
      *ints.at(name) = value.get<int>();
    } else if (name == "logit_bias") {
      value.get_to(out.logit_bias);
    } else if (name == "dry_sequence_breakers") {
      value.get_to(out.dry_sequence_breakers);
    } else {
      ADD_FAILURE() << "unknown parameter " << name;
    }
  }
  return out;
}

std::vector<float> normal_logits(int count, float size = 3.0f) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, size);
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

int32_t draw(const SamplingParams& params, std::vector<float> logits, int64_t position, uint64_t seed = 1,
             int choice = 0, std::span<const int32_t> history = {}, std::span<const uint32_t> allowed = {}) {
  Sampler sampler(kernels(), params, static_cast<int>(logits.size()), seed, choice);
  return sampler.sample(logits, position, history, allowed);
}

// ---- distributions ------------------------------------------------------------------------------------

TEST(SamplerGolden, DistributionsEqualTheOracles) {
  const Json cases = read_json_fixture(PINGTI_SOURCE_DIR "/src/sample/testdata/sampler_golden.json");
  ASSERT_GE(cases.size(), 40u);
  for (const auto& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const auto params = params_from(c["params"]);
    ASSERT_TRUE(validate(params, c["vocab"]).has_value());
    auto logits = c["logits"].get<std::vector<float>>();
    const auto history = c["history"].get<std::vector<int32_t>>();
    Sampler sampler(kernels(), params, c["vocab"], 1, 0);
    const auto got = sampler.distribution(logits, 0, history);
    std::map<int32_t, double> probabilities(got.begin(), got.end());
    ASSERT_EQ(probabilities.size(), got.size());
    for (const auto& [token, want] : c["probabilities"].get<std::vector<std::pair<int32_t, double>>>()) {
      if (want < 1e-35) continue;  // below what float exponentials reach
      ASSERT_TRUE(probabilities.contains(token)) << "token " << token << " is missing";
      EXPECT_NEAR(probabilities[token], want, want * 2e-5) << "token " << token;
      probabilities.erase(token);
    }
    for (const auto& [token, p] : probabilities) EXPECT_LT(p, 1e-35) << "token " << token << " is too many";
  }
}

// Pearson's statistic of `draws` draws against the distribution, and its degrees of freedom.
std::pair<double, int> chi_square(const SamplingParams& params, const std::vector<float>& logits, int draws) {
  Sampler sampler(kernels(), params, static_cast<int>(logits.size()), 99, 3);
  auto copy = logits;
  const auto wanted = sampler.distribution(copy, 0, {});
  std::map<int32_t, int> counts;
  for (int position = 0; position < draws; ++position) {
    copy = logits;
    ++counts[sampler.sample(copy, position, {})];
  }
  double statistic = 0;
  int cells = 0;
  double rest = draws;  // tokens expected fewer than 5 times share a cell
  int rest_count = draws;
  for (const auto& [token, p] : wanted) {
    if (p * draws < 5) continue;
    const double difference = counts[token] - p * draws;
    statistic += difference * difference / (p * draws);
    rest -= p * draws;
    rest_count -= counts[token];
    ++cells;
  }
  if (rest >= 5) statistic += (rest_count - rest) * (rest_count - rest) / rest, ++cells;
  return {statistic, cells - 1};
}

TEST(Sampler, DrawsFollowTheDistribution) {
  SamplingParams all;
  SamplingParams hot;
  hot.temperature = 1.8f;
  SamplingParams cut;
  cut.top_k = 30;
  cut.top_p = 0.95f;
  cut.temperature = 0.9f;
  SamplingParams typical;
  typical.typical_p = 0.8f;
  for (const auto& params : {all, hot, cut, typical}) {
    for (const int vocab : {12, 300}) {
      const auto [statistic, freedom] = chi_square(params, normal_logits(vocab, 1.5f), 20000);
      // Mean and deviation of chi-square; five deviations are beyond chance.
      EXPECT_LT(statistic, freedom + 5 * std::sqrt(2.0 * freedom)) << "vocabulary " << vocab;
      EXPECT_GE(freedom, 1);
    }
  }
}

TEST(Sampler, XtcHappensAsOftenAsAsked) {
  SamplingParams params;
  params.xtc_probability = 0.3f;
  params.xtc_threshold = 0.1f;
  const std::vector<float> logits = {2, 2.1f, -50};
  int both = 0;
  for (int position = 0; position < 4000; ++position) {
    Sampler sampler(kernels(), params, 3, 5, 0);
    auto copy = logits;
    both += sampler.distribution(copy, position, {}).size() > 2;
  }
  EXPECT_NEAR(both / 4000.0, 0.7, 5 * std::sqrt(0.21 / 4000));
}

TEST(FastExp, IsWithinTwoUlp) {
  for (int step = 0; step < 94600; ++step) {
    const float x = -0.00093f * static_cast<float>(step);
    if (x <= -87) continue;
    const double want = std::exp(double{x});
    ASSERT_NEAR(fast_exp(x), want, 2 * std::ldexp(1.0, std::ilogb(want) - 23)) << x;
  }
  EXPECT_EQ(fast_exp(0.0f), 1.0f);
  EXPECT_EQ(fast_exp(-87.5f), 0.0f);
  EXPECT_EQ(fast_exp(-kInf), 0.0f);
  EXPECT_EQ(fast_exp(std::nanf("")), 0.0f);
}

// ---- determinism --------------------------------------------------------------------------------------

TEST(Random, PhiloxGivesItsPublishedVectors) {
  using testing::ElementsAre;
  EXPECT_THAT(philox({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Sampler, ADrawDependsOnSeedChoiceAndPositionOnly) {
  SamplingParams params;
  params.top_p = 0.99f;
  const auto logits = normal_logits(5000, 1.0f);
  Sampler used(kernels(), params, 5000, 7, 2);
  for (int position = 0; position < 50; ++position) {
    auto copy = logits;
    ASSERT_EQ(used.sample(copy, position, {}), draw(params, logits, position, 7, 2));
  }
  int seeds = 0, choices = 0, positions = 0;
  for (int i = 0; i < 50; ++i) {
    seeds += draw(params, logits, i, 7, 2) != draw(params, logits, i, 8, 2);
    choices += draw(params, logits, i, 7, 2) != draw(params, logits, i, 7, 3);
    positions += draw(params, logits, i, 7, 2) != draw(params, logits, i + 1, 7, 2);
  }
  EXPECT_GT(std::min({seeds, choices, positions}), 40);
}

TEST(Sampler, PositionsAndSeedsBeyond32Bits) {
  const auto logits = normal_logits(5000, 1.0f);
  int differ = 0;
  for (int i = 0; i < 50; ++i) {
    const int64_t far = i + (int64_t{1} << 32);
    const uint64_t seed = 7 + (uint64_t{1} << 32);
    differ += draw({}, logits, i) != draw({}, logits, far);
    differ += draw({}, logits, i, 7) != draw({}, logits, i, seed);
  }
  EXPECT_GT(differ, 80);
}

// ---- greedy, masks, odd logits ------------------------------------------------------------------------

TEST(Sampler, GreedyTakesTheLowestIdOfATie) {
  SamplingParams params;
  params.temperature = 0;
  auto logits = normal_logits(1000, 1.0f);
  logits[700] = logits[433] = logits[900] = 20;
  EXPECT_EQ(draw(params, logits, 0), 433);
  params.temperature = 1e-30f;
  EXPECT_EQ(draw(params, logits, 0), 433);
}

TEST(Sampler, TopKCutsTiesByLowestId) {
  SamplingParams params;
  params.top_k = 2;
  std::vector<float> logits(400, 1.0f);
  Sampler sampler(kernels(), params, 400, 1, 0);
  EXPECT_THAT(sampler.distribution(logits, 0, {}),
              testing::ElementsAre(testing::Pair(0, 0.5), testing::Pair(1, 0.5)));
}

TEST(Sampler, GreedyStillHasPenaltiesAndBias) {
  SamplingParams params;
  params.temperature = 0;
  params.frequency_penalty = 1;
  const std::vector<int32_t> history = {2, 2, 2, -5, 1000};  // ids outside the vocabulary are ignored
  EXPECT_EQ(draw(params, {1, 2, 4, 0}, 0, 1, 0, history), 1);
  params.logit_bias = {{3, 100.0f}, {70, 5.0f}};
  EXPECT_EQ(draw(params, {1, 2, 4, 0}, 0, 1, 0, history), 3);
}

TEST(Sampler, BiasForcesAndBans) {
  SamplingParams params;
  params.logit_bias = {{5, 100.0f}};
  for (int position = 0; position < 100; ++position) ASSERT_EQ(draw(params, normal_logits(50), position), 5);
  params.logit_bias = {{5, -100.0f}};
  std::vector<float> logits(8, 0.0f);
  for (int position = 0; position < 500; ++position) ASSERT_NE(draw(params, logits, position), 5);
}

TEST(Sampler, OnlyAllowedTokensAreDrawn) {
  const auto logits = normal_logits(77, 0.5f);
  std::vector<uint32_t> allowed(3, 0);
  for (const int token : {3, 31, 32, 76}) allowed[token / 32] |= 1u << token % 32;
  SamplingParams all, cut, greedy;
  cut.top_k = 2;
  greedy.temperature = 0;
  std::map<int32_t, int> seen;
  for (int position = 0; position < 300; ++position) {
    ++seen[draw(all, logits, position, 1, 0, {}, allowed)];
    const int32_t token = draw(cut, logits, position, 1, 0, {}, allowed);
    ASSERT_TRUE(allowed[token / 32] >> token % 32 & 1);
  }
  EXPECT_EQ(seen.size(), 4u);
  for (const auto& [token, count] : seen) EXPECT_TRUE(allowed[token / 32] >> token % 32 & 1);
  const int32_t best = draw(greedy, logits, 0, 1, 0, {}, allowed);
  for (const int token : {3, 31, 32, 76}) EXPECT_LE(logits[token], logits[best]);
  // A mask shorter than the vocabulary forbids the rest.
  EXPECT_EQ(draw(all, logits, 0, 1, 0, {}, std::vector<uint32_t>{1u << 9}), 9);
}

TEST(Sampler, OddLogits) {
  SamplingParams all, top_k, top_p, min_p, typical, xtc, greedy;
  top_k.top_k = 5;
  top_p.top_p = 0.9f;
  min_p.min_p = 0.1f;
  typical.typical_p = 0.9f;
  xtc.xtc_probability = 1;
  greedy.temperature = 0;
  for (const auto& params : {all, top_k, top_p, min_p, typical, xtc, greedy}) {
    for (const int vocab : {1, 2, 127, 128, 129, 1000}) {
      std::vector<float> logits(vocab, -kInf);
      EXPECT_EQ(draw(params, logits, 0), 0);
      logits[vocab / 2] = -1e30f;
      EXPECT_EQ(draw(params, logits, 0), vocab / 2);
      logits[0] = std::nanf("");
      EXPECT_EQ(draw(params, logits, 0), vocab == 1 ? 0 : vocab / 2);
      logits.assign(vocab, std::nanf(""));
      EXPECT_EQ(draw(params, logits, 0), 0);
      logits[vocab - 1] = kInf;
      EXPECT_EQ(draw(params, logits, 0), vocab - 1);
      logits.assign(vocab, 3e38f);
      logits[0] = -3e38f;
      const int32_t token = draw(params, logits, 0);
      EXPECT_TRUE(token > 0 || vocab == 1);
    }
  }
  // Nothing left: the lowest allowed id.
  EXPECT_EQ(draw(all, {-kInf, -kInf, -kInf}, 0, 1, 0, {}, std::vector<uint32_t>{4}), 2);
}

TEST(Sampler, ExtremeTemperatures) {
  const std::vector<float> logits = {30, -30, 0, 29};
  for (const float temperature : {1e-5f, 1e-3f}) {
    SamplingParams params;
    params.temperature = temperature;
    EXPECT_EQ(draw(params, logits, 0), 0);
    params.top_k = 3;
    EXPECT_EQ(draw(params, logits, 0), 0);
    // XTC may take what is likeliest; the rest must not underflow to nothing.
    params.xtc_probability = 1;
    params.xtc_threshold = 0.2f;
    EXPECT_EQ(draw(params, logits, 0), 3);
  }
  SamplingParams params;
  params.temperature = 1e30f;
  std::map<int32_t, int> seen;
  for (int i = 0; i < 200; ++i) ++seen[draw(params, logits, i)];
  EXPECT_EQ(seen.size(), 4u);
}

// ---- logprobs -----------------------------------------------------------------------------------------

TEST(Logprobs, EqualLogSoftmax) {
  const auto logits = normal_logits(2000, 4.0f);
  double total = 0;
  for (const float x : logits) total += std::exp(double{x});
  const auto got = Sampler::logprobs(kernels(), logits, 77, 20);
  EXPECT_EQ(got.token, 77);
  EXPECT_NEAR(got.logprob, logits[77] - std::log(total), 1e-5);
  std::vector<int32_t> order(2000);
  for (int i = 0; i < 2000; ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  ASSERT_EQ(got.top.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(got.top[i].first, order[i]);
    EXPECT_NEAR(got.top[i].second, logits[order[i]] - std::log(total), 1e-5);
  }
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 0, 0).top.size(), 0u);
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 0, 5000).top.size(), 2000u);
}

TEST(Logprobs, OfInfinities) {
  const std::vector<float> logits = {-kInf, 1, std::nanf("")};
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 0, 3).logprob, -kInf);
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 1, 3).logprob, 0.0f);
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 2, 3).logprob, -kInf);
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 1, 3).top.size(), 1u);
  EXPECT_EQ(Sampler::logprobs(kernels(), logits, 9, 0).logprob, -kInf);
  EXPECT_EQ(Sampler::logprobs(kernels(), std::vector<float>{-kInf, -kInf}, 0, 2).logprob, -kInf);
  EXPECT_EQ(Sampler::logprobs(kernels(), std::vector<float>{kInf, 3}, 0, 2).logprob, 0.0f);
}

TEST(Sampler, AllowedAndBarredTokens) {
  SamplingParams params;
  params.allowed_tokens = {7, 3, 40};
  params.barred_tokens = {3};
  params.barred_before = 10;
  ASSERT_TRUE(validate(params, 50));
  for (const float temperature : {0.0f, 1.0f}) {
    params.temperature = temperature;
    Sampler sampler(kernels(), params, 50, 1, 0);
    for (int64_t position = 0; position < 20; ++position) {
      std::vector<float> logits(50, 0.0f);
      logits[3] = 5;
      logits[12] = 50;
      std::vector<int32_t> drawn;
      for (const auto& [token, probability] : sampler.distribution(logits, position, {}))
        drawn.push_back(token);
      if (position < 10) {
        EXPECT_THAT(drawn, testing::IsSubsetOf({7, 40}));
      } else {
        EXPECT_THAT(drawn, testing::Contains(3));
      }
    }
  }
  params.barred_tokens = {50};
  EXPECT_FALSE(validate(params, 50));
}

TEST(Sampler, WithNothingLeftTheLowestAllowedTokenComes) {
  SamplingParams params{.allowed_tokens = {9, 4}};
  Sampler sampler(kernels(), params, 50, 1, 0);
  std::vector<float> logits(50, -kInf);
  EXPECT_EQ(sampler.sample(logits, 0, {}), 4);
}

}  // namespace
}  // namespace pingti
