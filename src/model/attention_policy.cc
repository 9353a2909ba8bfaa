#include "model/attention_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace pingti {
namespace {

constexpr int64_t kMostTokens = 1 << 24;

constexpr const char* kSparseForm =
    "topk=PAGES or topp=SHARE, then any of min-length=, sinks=, recent= (tokens), dense-layers=, by commas";

std::unexpected<Error> bad_sparse(std::string message) {
  return fail(ErrorKind::kInvalid, "attention.sparse", std::move(message), kSparseForm);
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Field {
  std::string_view name;
  int SparseAttention::* value;
  int least;
};
constexpr Field kFields[] = {
    {"topk", &SparseAttention::top_k, 1},
    {"min-length", &SparseAttention::min_length, 0},
    {"sinks", &SparseAttention::sinks, 0},
    {"recent", &SparseAttention::recent, 0},
    {"dense-layers", &SparseAttention::dense_layers, 0},
};

Result<void> set_field(std::string_view name, std::string_view text, SparseAttention& sparse) {
  if (name == "topp") {
    const auto value = number<float>(text);
    if (!value || !(*value > 0 && *value <= 1)) {
      return bad_sparse(fmt::format("topp is \"{}\"; it must be a number above 0 and up to 1", text));
    }
    sparse.top_p = *value;
    return {};
  }
  const auto* field = std::ranges::find(kFields, name, &Field::name);
  if (field == std::end(kFields)) return bad_sparse(fmt::format("there is no option \"{}\"", name));
  const auto value = number<int>(text);
  if (!value || *value < field->least || *value > kMostTokens) {
    return bad_sparse(fmt::format("{} is \"{}\"; it must be a whole number from {} to {}", name, text,
                                  field->least, kMostTokens));
  }
  sparse.*field->value = *value;
  return {};
}

}  // namespace

Result<SparseAttention> parse_sparse_attention(std::string_view text) {
  SparseAttention sparse;
  std::string_view rest = text;
  std::string seen = ",";
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return bad_sparse(fmt::format("\"{}\" is not of the form name=value", part));
    }
    const std::string_view name = part.substr(0, equals);
    if (seen.find(fmt::format(",{},", name)) != std::string::npos) {
      return bad_sparse(fmt::format("{} is given twice", name));
    }
    seen += fmt::format("{},", name);
    PT_TRY_VOID(set_field(name, part.substr(equals + 1), sparse));
  }
  if (text.empty()) return sparse;
  if ((sparse.top_k > 0) == (sparse.top_p > 0)) {
    return bad_sparse(fmt::format("\"{}\" must hold exactly one of topk and topp", text));
  }
  return sparse;
}

Result<AttentionPolicy> make_attention_policy(int64_t window, int64_t sinks, std::string_view sparse) {
  AttentionPolicy policy{.window = window, .sinks = sinks};
  const auto check = [](std::string_view what, int64_t value) -> Result<void> {
    if (value >= 0 && value <= kMostTokens) return {};
    return fail(ErrorKind::kInvalid, "attention.window",
                fmt::format("{} is {}; it must lie between 0 and {}", what, value, kMostTokens));
  };
  PT_TRY_VOID(check("the attention window", window));
  PT_TRY_VOID(check("the number of sinks", sinks));
  if (sinks > 0 && window == 0) {
    return fail(ErrorKind::kInvalid, "attention.window",
                fmt::format("{} sinks are given without an attention window", sinks),
                "sinks are what a window leaves of the beginning: give --attention-window too");
  }
  PT_TRY(policy.sparse, parse_sparse_attention(sparse));
  if (window > 0 && policy.sparse.enabled()) {
    return fail(ErrorKind::kInvalid, "attention.sparse",
                "an attention window and sparse attention are both given",
                "choose one: sparse attention chooses among keys that a window drops");
  }
  return policy;
}

void apply_attention_policy(const AttentionPolicy& policy, ModelConfig& config) {
  for (LayerAttention& layer : config.attention) {
    if (policy.window == 0 || (layer.window != 0 && layer.window <= policy.window)) continue;
    layer.window = static_cast<int>(policy.window);
    layer.sinks = static_cast<int>(policy.sinks);
  }
  for (size_t i = 0; i < config.attention.size(); ++i) {
    LayerAttention& layer = config.attention[i];
    layer.sparse =
        policy.sparse.enabled() && layer.window == 0 && i >= static_cast<size_t>(policy.sparse.dense_layers);
  }
}

std::string describe(const AttentionPolicy& policy) {
  if (policy.window > 0) return fmt::format("window {}, {} sinks", policy.window, policy.sinks);
  const SparseAttention& sparse = policy.sparse;
  if (!sparse.enabled()) return "full";
  const std::string choice =
      sparse.top_k > 0 ? fmt::format("topk={}", sparse.top_k) : fmt::format("topp={}", sparse.top_p);
  return fmt::format("{}, dense below {} tokens and in the first {} layers", choice, sparse.min_length,
                     sparse.dense_layers);
}

}  // namespace pingti
