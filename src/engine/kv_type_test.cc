#include "engine/kv_type.h"

#include <gtest/gtest.h>

namespace pingti {
namespace {

TEST(KvTypeNames, AreKnownOrRefused) {
  const std::pair<const char*, KvType> names[] = {{"f32", KvType::kF32},   {"f16", KvType::kF16},
                                                  {"bf16", KvType::kBF16}, {"q16", KvType::kQ16},
                                                  {"q8", KvType::kQ8},     {"q4", KvType::kQ4}};
  for (const auto& [name, type] : names) {
    const auto parsed = parse_kv_type(name);
    ASSERT_TRUE(parsed.has_value()) << name;
    EXPECT_EQ(*parsed, type);
  }
  for (const char* name : {"", "F16", "q8_0", "int8"})
    EXPECT_EQ(parse_kv_type(name).error().code, "engine.kv_type");
}

// Of the 32 tokens of a page: their numbers and, with integers, a float scale for each.
TEST(KvTypeNames, PageBytes) {
  EXPECT_EQ(kv_head_bytes(KvType::kF32, 128), 32 * 128 * 4);
  EXPECT_EQ(kv_head_bytes(KvType::kF16, 128), 32 * 128 * 2);
  EXPECT_EQ(kv_head_bytes(KvType::kQ16, 128), 32 * (128 * 2 + 4));
  EXPECT_EQ(kv_head_bytes(KvType::kQ8, 128), 32 * (128 + 4));
  EXPECT_EQ(kv_head_bytes(KvType::kQ4, 128), 32 * (64 + 4));
  EXPECT_EQ(kv_head_bytes(KvType::kQ4, 80), 32 * (48 + 4));  // whole 32s
}

}  // namespace
}  // namespace pingti
