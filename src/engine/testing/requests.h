// Requests for engines over a FakeModel.
#pragma once

#include <random>
#include <vector>

#include "engine/engine.h"

namespace pingti::testing {

inline std::vector<int32_t> random_tokens(std::mt19937& random, size_t count) {
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 256);
  return tokens;
}

inline GenerationRequest make_request(std::vector<int32_t> prompt, int64_t max_tokens, float temperature = 0,
                                      uint64_t seed = 1) {
  GenerationRequest request{.prompt = std::move(prompt), .max_tokens = max_tokens};
  request.sampling.temperature = temperature;
  request.sampling.seed = seed;
  return request;
}

// Requests of many kinds: short and long prompts (some sharing a beginning), greedy and drawn, one to three
// choices.
inline std::vector<GenerationRequest> mixed_requests(int count) {
  std::mt19937 random(11);
  const std::vector<int32_t> shared = random_tokens(random, 150);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < count; ++i) {
    auto prompt = random_tokens(random, 1 + random() % (i % 5 == 0 ? 300 : 40));
    if (i % 3 == 0) prompt.insert(prompt.begin(), shared.begin(), shared.begin() + 40 + i % 30 * 3);
    auto request = make_request(std::move(prompt), 1 + static_cast<int64_t>(random() % 60),
                                i % 2 == 0 ? 0.0f : 0.9f, random());
    request.ignore_eos = i % 4 == 0;
    request.choices = i % 7 == 3 ? 3 : 1;
    // A byte ends the thinking early in some answers, the budget does in others.
    if (i % 6 == 1) request.thinking = Thinking{"<", "\x07", true, i % 4 * 5, {1, 2, 7}};
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace pingti::testing
