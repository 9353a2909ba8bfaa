// POST /v1/embeddings: the request body, and the answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/completion_request.h"
#include "wire/responses.h"

namespace pingti::wire {

constexpr size_t kMostInputs = 2048;

struct EmbeddingRequest {
  std::string model;           // empty: not given
  std::vector<Prompt> inputs;  // at least one
  bool base64 = false;         // little-endian floats in base64 instead of an array of numbers
  int64_t dimensions = 0;      // the first so many, normalized anew; 0: all
  std::string pooling;         // "mean" or "last"; empty: the model's own way
  bool add_special = true;
};

ApiResult<EmbeddingRequest> parse_embedding_request(std::string_view body);

// The first `dimensions` (0: all) scaled to length 1; a vector of zeros stays one.
std::vector<float> normalized(std::span<const float> vector, int64_t dimensions);

Json embedding_answer(const std::string& model, const std::vector<std::vector<float>>& embeddings,
                      bool base64, const Usage& usage);

// RFC 4648, with padding.
std::string base64_of(std::string_view bytes);

}  // namespace pingti::wire
