#include "wire/embeddings.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

namespace pingti::wire {

ApiResult<EmbeddingRequest> parse_embedding_request(std::string_view body) {
  auto json = parse_json(body);
  if (!json) return std::unexpected(from_error(json.error()));
  EmbeddingRequest request;
  FieldReader fields(*json, "");
  fields.string("model", &request.model);
  read_prompts(fields, "input", kMostInputs, &request.inputs);
  std::string format = "float";
  fields.string("encoding_format", &format);
  if (format != "float" && format != "base64") {
    fields.fail(invalid_field(
        "encoding_format",
        fmt::format("'encoding_format' must be \"float\" or \"base64\", not {}.", describe(Json(format)))));
  }
  request.base64 = format == "base64";
  fields.integer("dimensions", &request.dimensions, 1, INT32_MAX);
  if (fields.string("pooling", &request.pooling) && request.pooling != "mean" && request.pooling != "last") {
    fields.fail(invalid_field("pooling", fmt::format("'pooling' must be \"mean\" or \"last\", not {}.",
                                                     describe(Json(request.pooling)))));
  }
  fields.boolean("add_special_tokens", &request.add_special);
  fields.ignore({"user"});
  if (auto error = fields.finish()) return std::unexpected(std::move(*error));
  return request;
}

std::vector<float> normalized(std::span<const float> vector, int64_t dimensions) {
  if (dimensions > 0 && dimensions < std::ssize(vector))
    vector = vector.first(static_cast<size_t>(dimensions));
  double square = 0;
  for (const float value : vector) square += static_cast<double>(value) * static_cast<double>(value);
  const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
  std::vector<float> unit;
  unit.reserve(vector.size());
  for (const float value : vector) unit.push_back(static_cast<float>(static_cast<double>(value) * scale));
  return unit;
}

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Json embedding_answer(const std::string& model, const std::vector<std::vector<float>>& embeddings,
                      bool base64, const Usage& usage) {
  static_assert(std::endian::native == std::endian::little);
  Json data = Json::array();
  for (size_t i = 0; i < embeddings.size(); ++i) {
    const std::vector<float>& vector = embeddings[i];
    Json item = {{"object", "embedding"}, {"index", i}};
    if (base64) {
      item["embedding"] =
          base64_of({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
    } else {
      item["embedding"] = vector;
    }
    data.push_back(std::move(item));
  }
  return {{"object", "list"},
          {"data", std::move(data)},
          {"model", model},
          {"usage", {{"prompt_tokens", usage.prompt_tokens}, {"total_tokens", usage.prompt_tokens}}}};
}

}  // namespace pingti::wire
