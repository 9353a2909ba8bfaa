// Names of KV cache element types, as flags and settings spell them.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "base/result.h"
#include "kernels/attention.h"

namespace pingti {

inline Result<KvType> parse_kv_type(std::string_view name) {
  if (name == "f32") return KvType::kF32;
  if (name == "f16") return KvType::kF16;
  if (name == "bf16") return KvType::kBF16;
  return fail(ErrorKind::kInvalid, "engine.kv_type",
              fmt::format("the KV cache type is \"{}\"; known are f32, f16, bf16", name));
}

}  // namespace pingti
