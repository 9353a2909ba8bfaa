#include "sample/sampling_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace pingti {
namespace {

TEST(SamplingParams, DefaultsAndEdgesAreValid) {
  EXPECT_TRUE(validate({}, 100).has_value());
  SamplingParams edges;
  edges.temperature = 0;
  edges.top_p = edges.min_p = edges.typical_p = 0;
  edges.presence_penalty = -2;
  edges.frequency_penalty = 2;
  edges.dry_multiplier = 0.8f;
  edges.dry_base = 1;
  edges.dry_sequence_breakers = {{0}, {99, 1}};
  edges.xtc_probability = edges.xtc_threshold = 1;
  edges.logit_bias = {{0, -100.0f}, {99, 100.0f}};
  EXPECT_TRUE(validate(edges, 100).has_value());
}

TEST(SamplingParams, ValuesOutsideAreNamed) {
  const float nan = std::nanf("");
  const std::pair<const char*, std::function<void(SamplingParams&)>> wrong[] = {
      {"temperature is -0.1; it must be a number not below 0", [](auto& p) { p.temperature = -0.1f; }},
      {"temperature is nan", [=](auto& p) { p.temperature = nan; }},
      {"temperature is inf", [](auto& p) { p.temperature = INFINITY; }},
      {"top_k is -3", [](auto& p) { p.top_k = -3; }},
      {"top_p is 1.5; it must be from 0 to 1", [](auto& p) { p.top_p = 1.5f; }},
      {"min_p", [](auto& p) { p.min_p = -1; }},
      {"typical_p", [=](auto& p) { p.typical_p = nan; }},
      {"repetition_penalty is 0; it must be a number above 0", [](auto& p) { p.repetition_penalty = 0; }},
      {"presence_penalty is 2.5; it must be from -2 to 2", [](auto& p) { p.presence_penalty = 2.5f; }},
      {"frequency_penalty", [](auto& p) { p.frequency_penalty = -3; }},
      {"penalty_last_n is -2", [](auto& p) { p.penalty_last_n = -2; }},
      {"dry_multiplier", [](auto& p) { p.dry_multiplier = -1; }},
      {"dry_base", [](auto& p) { p.dry_base = 0.5f; }},
      {"dry_allowed_length", [](auto& p) { p.dry_allowed_length = -1; }},
      {"dry_penalty_last_n", [](auto& p) { p.dry_penalty_last_n = -9; }},
      {"the number of dry_sequence_breakers", [](auto& p) { p.dry_sequence_breakers.resize(300, {1}); }},
      {"the length of a dry_sequence_breakers", [](auto& p) { p.dry_sequence_breakers = {{}}; }},
      {"a token of dry_sequence_breakers is 100", [](auto& p) { p.dry_sequence_breakers = {{1, 100}}; }},
      {"xtc_probability", [](auto& p) { p.xtc_probability = 2; }},
      {"xtc_threshold", [](auto& p) { p.xtc_threshold = -0.5f; }},
      {"a token of logit_bias is 100; it must be from 0 to 99",
       [](auto& p) { p.logit_bias = {{100, 1.0f}}; }},
      {"a token of logit_bias is -1", [](auto& p) { p.logit_bias = {{-1, 1.0f}}; }},
      {"a bias of logit_bias is 101", [](auto& p) { p.logit_bias = {{1, 101.0f}}; }},
      {"a bias of logit_bias is nan", [=](auto& p) { p.logit_bias = {{1, nan}}; }},
  };
  for (const auto& [text, change] : wrong) {
    SamplingParams params;
    change(params);
    const auto result = validate(params, 100);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, "sampling.range");
    EXPECT_THAT(result.error().message, testing::HasSubstr(text));
  }
}

}  // namespace
}  // namespace pingti
