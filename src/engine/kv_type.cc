#include "engine/kv_type.h"

#include <fmt/format.h>

namespace pingti {

Result<KvType> parse_kv_type(std::string_view name) {
  if (name == "f32") return KvType::kF32;
  if (name == "f16") return KvType::kF16;
  if (name == "bf16") return KvType::kBF16;
  if (name == "q16") return KvType::kQ16;
  if (name == "q8") return KvType::kQ8;
  if (name == "q4") return KvType::kQ4;
  return fail(ErrorKind::kInvalid, "engine.kv_type", fmt::format("KV type {} is unknown", name),
              "known are f32, f16, bf16, q16, q8 and q4");
}

}  // namespace pingti
