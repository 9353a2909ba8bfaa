#include "quant/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pingti {
namespace {

// The value of finite f16 bits by the definition of the format.
float f16_by_definition(uint32_t bits) {
  const int exponent = static_cast<int>((bits >> 10) & 31);
  const float mantissa = static_cast<float>((bits & 1023) + (exponent > 0 ? 1024 : 0));
  const float magnitude = std::ldexp(mantissa, (exponent > 0 ? exponent : 1) - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Half, WidensEveryF16AsDefined) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) == 0x7c00) continue;
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(f16_by_definition(bits))) << bits;
    ASSERT_EQ(f32_to_f16(value), bits);
  }
}

TEST(Half, NarrowsToNearestEvenBetweenEveryTwoF16) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const float low = f16_by_definition(bits), high = f16_by_definition(bits + 1);
    const float middle = low + (high - low) / 2;
    ASSERT_EQ(f32_to_f16(middle), bits % 2 == 0 ? bits : bits + 1) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, high)), bits + 1);
    ASSERT_EQ(f32_to_f16(-middle), 0x8000 | f32_to_f16(middle));
  }
}

TEST(Half, F16Limits) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(f32_to_f16(65519.99f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(f32_to_f16(infinity), 0x7c00);
  EXPECT_EQ(f16_to_f32(0x7c00), infinity);
  EXPECT_EQ(f16_to_f32(0xfc00), -infinity);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
  for (uint32_t bits = 0x7c01; bits < 0x8000; ++bits) {
    ASSERT_TRUE(std::isnan(f16_to_f32(static_cast<uint16_t>(bits))));
    ASSERT_TRUE(std::isnan(f16_to_f32(f32_to_f16(f16_to_f32(static_cast<uint16_t>(bits))))));
  }
}

TEST(Half, BF16RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    const uint32_t middle = (bits << 16) + 0x8000;
    ASSERT_EQ(f32_to_bf16(bf16_to_f32(static_cast<uint16_t>(bits))), bits);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle)), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle - 1)), bits);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle + 1)), bits + 1);
    ASSERT_EQ(f32_to_bf16(std::bit_cast<float>(middle | 0x80000000u)),
              0x8000 | f32_to_bf16(std::bit_cast<float>(middle)));
  }
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  // A NaN whose payload lies only in the dropped bits must not become infinity.
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace pingti
