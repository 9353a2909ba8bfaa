#include "model/lora_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "model/lora_config.h"

namespace pingti {
namespace {

struct TargetName {
  LoraTarget target;
  const char* gguf;
  std::string_view peft;
};

constexpr std::array<TargetName, kLoraTargets> kTargetNames{{
    {LoraTarget::kQuery, "attn_q", "self_attn.q_proj"},
    {LoraTarget::kKey, "attn_k", "self_attn.k_proj"},
    {LoraTarget::kValue, "attn_v", "self_attn.v_proj"},
    {LoraTarget::kOutput, "attn_output", "self_attn.o_proj"},
    {LoraTarget::kGate, "ffn_gate", "mlp.gate_proj"},
    {LoraTarget::kUp, "ffn_up", "mlp.up_proj"},
    {LoraTarget::kDown, "ffn_down", "mlp.down_proj"},
}};
constexpr int kMostLayers = 4096;
constexpr int64_t kHighestRank = 4096;

struct Place {
  int layer = 0;
  LoraTarget target = LoraTarget::kQuery;
  bool is_a = false;
  std::string module;  // as PEFT's patterns name it
};

// "12.rest" -> 12, leaving "rest".
std::optional<int> take_layer(std::string_view& text) {
  int layer = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), layer);
  const auto digits = static_cast<size_t>(end - text.data());
  if (error != std::errc{} || layer < 0 || layer >= kMostLayers || digits >= text.size() || *end != '.')
    return std::nullopt;
  text.remove_prefix(digits + 1);
  return layer;
}

// base_model.model.model.layers.N.self_attn.q_proj.lora_A.weight
std::optional<Place> peft_place(std::string_view name) {
  Place place;
  const size_t lora = name.find(".lora_");
  const size_t layers = name.find("layers.");
  if (lora == std::string_view::npos || layers == std::string_view::npos || layers > lora)
    return std::nullopt;
  if (name.find("vision") < layers || name.find("encoder") < layers) return std::nullopt;
  const std::string_view kind = name.substr(lora + 1);
  place.is_a = kind == "lora_A.weight" || kind == "lora_A.default.weight";
  if (!place.is_a && kind != "lora_B.weight" && kind != "lora_B.default.weight") return std::nullopt;
  std::string_view module = name.substr(layers + 7, lora - layers - 7);
  const auto layer = take_layer(module);
  const auto target = std::ranges::find(kTargetNames, module, &TargetName::peft);
  if (!layer || target == kTargetNames.end()) return std::nullopt;
  place.layer = *layer;
  place.target = target->target;
  place.module = name.substr(0, lora);
  return place;
}

// blk.N.attn_q.weight.lora_a
std::optional<Place> gguf_place(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  name.remove_prefix(4);
  const auto layer = take_layer(name);
  const size_t weight = name.find(".weight.lora_");
  if (!layer || weight == std::string_view::npos) return std::nullopt;
  const std::string_view kind = name.substr(weight + 13);
  const auto target = std::ranges::find_if(
      kTargetNames, [&](const TargetName& known) { return known.gguf == name.substr(0, weight); });
  if (target == kTargetNames.end() || (kind != "a" && kind != "b")) return std::nullopt;
  return Place{.layer = *layer, .target = target->target, .is_a = kind == "a", .module = {}};
}

}  // namespace

const char* name_of(LoraTarget target) { return kTargetNames[static_cast<size_t>(target)].gguf; }

class LoraFileReader {
 public:
  Result<LoraFile> read_peft(const std::filesystem::path& folder) {
    PT_TRY(const LoraConfig config, read_lora_config(folder / "adapter_config.json"));
    const auto weights = folder / "adapter_model.safetensors";
    if (!std::filesystem::exists(weights) && std::filesystem::exists(folder / "adapter_model.bin")) {
      return fail(ErrorKind::kUnsupported, "lora.pickle",
                  fmt::format("{} holds its weights as a pickle (adapter_model.bin)", folder.string()),
                  "save the adapter with safe_serialization=True");
    }
    PT_TRY(auto opened, gguf::SafetensorsFile::open(weights));
    file_.safetensors_ = std::make_unique<gguf::SafetensorsFile>(std::move(opened));
    file_.base_model_ = config.base_model;
    if (!file_.safetensors_->skipped().empty()) return refuse_tensor(file_.safetensors_->skipped().front());
    for (const gguf::TensorInfo& tensor : file_.safetensors_->tensors()) {
      const auto place = peft_place(tensor.name);
      if (!place) return refuse_tensor(tensor.name);
      PT_TRY_VOID(add(*place, tensor));
    }
    return finish([&](const Place& place, int64_t rank) { return config.scale(place.module, rank); });
  }

  Result<LoraFile> read_gguf(const std::filesystem::path& path) {
    PT_TRY(auto opened, gguf::File::open(path));
    file_.gguf_ = std::make_unique<gguf::File>(std::move(opened));
    const gguf::File& file = *file_.gguf_;
    PT_TRY(const std::string type, file.get_or<std::string>("general.type", "model"));
    PT_TRY(const std::string kind, file.get_or<std::string>("adapter.type", ""));
    if (type != "adapter" || kind != "lora") {
      return fail(ErrorKind::kInvalid, "lora.not_an_adapter",
                  fmt::format("{} is a GGUF file of type \"{}\", expected an adapter of type lora",
                              path.string(), type));
    }
    PT_TRY(const float alpha, file.get<float>("adapter.lora.alpha"));
    PT_TRY(file_.base_model_, file.get_or<std::string>("general.base_model.0.name", ""));
    for (const gguf::TensorInfo& tensor : file.tensors()) {
      const auto place = gguf_place(tensor.name);
      if (!place) return refuse_tensor(tensor.name);
      PT_TRY_VOID(add(*place, tensor));
    }
    return finish([&](const Place&, int64_t rank) {
      return Result<float>(alpha == 0 ? 1.0f : alpha / static_cast<float>(rank));
    });
  }

 private:
  struct Pair {
    Place place;
    const gguf::TensorInfo* a = nullptr;
    const gguf::TensorInfo* b = nullptr;
  };

  static std::unexpected<Error> refuse_tensor(std::string_view name) {
    return fail(ErrorKind::kUnsupported, "lora.tensor",
                fmt::format("tensor {} of the adapter is not supported", name),
                "adapters of the attention and feed-forward projections are");
  }

  Result<void> add(const Place& place, const gguf::TensorInfo& tensor) {
    Pair& pair = pairs_[{place.layer, place.target}];
    pair.place = place;
    const gguf::TensorInfo*& half = place.is_a ? pair.a : pair.b;
    if (half != nullptr || tensor.dim_count != 2) {
      return fail(ErrorKind::kInvalid, "lora.tensor",
                  fmt::format("tensor {} stands twice in the adapter or is not a matrix", tensor.name));
    }
    half = &tensor;
    return {};
  }

  template <class Scale>
  Result<LoraFile> finish(const Scale& scale) {
    if (pairs_.empty())
      return fail(ErrorKind::kInvalid, "lora.empty", "the adapter holds no low-rank matrices");
    for (const auto& [key, pair] : pairs_) {
      const gguf::TensorInfo* present = pair.a != nullptr ? pair.a : pair.b;
      if (pair.a == nullptr || pair.b == nullptr) {
        return fail(ErrorKind::kInvalid, "lora.half",
                    fmt::format("the adapter holds {} without its other half", present->name));
      }
      const int64_t rank = pair.a->rows();
      if (pair.b->cols() != rank || rank > kHighestRank) {
        return fail(ErrorKind::kInvalid, "lora.rank",
                    fmt::format("{} has rank {}, {} has {}; equal ranks up to {} are wanted", pair.a->name,
                                rank, pair.b->name, pair.b->cols(), kHighestRank));
      }
      PT_TRY(const float factor, scale(pair.place, rank));
      file_.modules_.push_back({.layer = pair.place.layer,
                                .target = pair.place.target,
                                .a = pair.a,
                                .b = pair.b,
                                .scale = factor});
    }
    return std::move(file_);
  }

  LoraFile file_;
  std::map<std::pair<int, LoraTarget>, Pair> pairs_;
};

Result<LoraFile> LoraFile::open(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? LoraFileReader().read_peft(path)
                                                      : LoraFileReader().read_gguf(path);
}

}  // namespace pingti
