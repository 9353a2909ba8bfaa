// Names of the KV cache's element types, as --kv-type takes them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "kernels/attention.h"

namespace pingti {

// "f32", "f16", "bf16", "q16", "q8", "q4"; otherwise "engine.kv_type".
Result<KvType> parse_kv_type(std::string_view name);

}  // namespace pingti
