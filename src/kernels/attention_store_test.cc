// What kv_append stores.
#include <cmath>
#include <cstring>

#include "kernels/attention_test_util.h"

namespace pingti {
namespace {

class AttentionStoreTest : public AttentionTest {};
INSTANTIATE_TEST_SUITE_P(Isas, AttentionStoreTest,
                         testing::ValuesIn(all_kernels().begin(), all_kernels().end()),
                         [](const auto& info) { return std::string(info.param->isa); });

double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -size : size;
}
double bfloat_value(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, 4);
  return x;
}

// `bits` is the nearest number of its type, the even one of two equally near.
void expect_nearest(double x, uint16_t bits, double (*value)(uint16_t), uint16_t largest) {
  const double error = std::fabs(value(bits) - x);
  const uint16_t magnitude = bits & 0x7fff;
  for (const int step : {-1, 1}) {
    if (magnitude + step < 0 || magnitude + step > largest) continue;
    const double other = std::fabs(value(static_cast<uint16_t>(bits + step)) - x);
    ASSERT_TRUE(error < other || (error == other && bits % 2 == 0)) << x << " stored as " << value(bits);
  }
}

TEST_P(AttentionStoreTest, AppendRoundsToNearestAndSaturates) {
  const int head_dim = 48;
  for (const KvType type : {KvType::kF16, KvType::kBF16}) {
    const bool half = type == KvType::kF16;
    const uint16_t largest = half ? 0x7bff : 0x7f7f;
    double (*value)(uint16_t) = half ? half_value : bfloat_value;
    for (int slot = 0; slot < kPageTokens; ++slot) {
      std::vector<float> k = random_values(random_, head_dim);
      std::vector<float> v(head_dim);
      for (int d = 0; d < head_dim; ++d) v[d] = std::ldexp(k[d], static_cast<int>(random_() % 50) - 30);
      const float specials[] = {0.0f,     -0.0f, 65504.0f, 65519.9f, 65520.0f, 1e9f,  -1e9f,   3.4e38f,
                                -3.4e38f, kInf,  -kInf,    6e-8f,    2.9e-8f,  3e-8f, 6.1e-5f, 0x1.004p0f};
      std::copy(std::begin(specials), std::end(specials), v.begin());
      BlockOfKeys block(kernels(), type, head_dim, 1);
      block.append(slot, k, v);
      const auto* stored = reinterpret_cast<const uint16_t*>(block.page(0) + BlockOfKeys::kGap);
      const uint16_t* stored_v = stored + kPageTokens * head_dim;
      const double limit = value(largest);
      for (int d = 0; d < head_dim; ++d) {
        expect_nearest(k[d], stored[(slot / 16 * head_dim + d) * 16 + slot % 16], value, largest);
        const double bounded = std::clamp<double>(v[d], -limit, limit);
        expect_nearest(bounded, stored_v[slot * head_dim + d], value, largest);
        ASSERT_EQ(std::signbit(value(stored_v[slot * head_dim + d])), std::signbit(v[d]));
      }
      int written = 0;
      for (int i = 0; i < 2 * kPageTokens * head_dim; ++i) written += stored[i] != 0xffff;
      ASSERT_EQ(written, 2 * head_dim);
    }
  }
}

TEST_P(AttentionStoreTest, AppendKeepsNan) {
  for (const KvType type : {KvType::kF16, KvType::kBF16}) {
    BlockOfKeys block(kernels(), type, 16, 1);
    std::memset(block.page(0), 0, BlockOfKeys::kGap + 2 * kv_head_bytes(type, 16));
    block.append(3, std::vector<float>(16, std::nanf("")), std::vector<float>(16, -std::nanf("")));
    const uint16_t infinity = type == KvType::kF16 ? 0x7c00 : 0x7f80;
    const auto* v = reinterpret_cast<const uint16_t*>(block.page(0) + BlockOfKeys::kGap) + kPageTokens * 16;
    for (int d = 0; d < 16; ++d) EXPECT_GT(v[3 * 16 + d] & 0x7fff, infinity);
  }
}

TEST_P(AttentionStoreTest, EveryHalfIsReadExactly) {
  // One visible key: the row's values are that key's V, unchanged.
  const int head_dim = 256;
  for (const int row_count : {1, 20}) {
    BlockOfKeys block(kernels(), KvType::kF16, head_dim, 1);
    const std::vector<float> zeros(head_dim, 0.0f);
    block.append(0, zeros, zeros);
    auto* v = reinterpret_cast<uint16_t*>(block.page(0) + BlockOfKeys::kGap) + kPageTokens * head_dim;
    const std::vector<AttendRow> rows(row_count, AttendRow{zeros.data(), 0, 1});
    for (int first = 0; first < 0x10000; first += head_dim) {
      for (int d = 0; d < head_dim; ++d) v[d] = static_cast<uint16_t>(first + d);
      const auto partials = block.attend(rows, 1.0f);
      for (int d = 0; d < head_dim; ++d) {
        const float got = partials[2 + d];
        if ((v[d] & 0x7c00) != 0x7c00) {
          ASSERT_EQ(got, half_value(v[d]));
        } else if ((v[d] & 0x3ff) == 0) {
          ASSERT_EQ(got, v[d] & 0x8000 ? -kInf : kInf);
        } else {
          ASSERT_TRUE(std::isnan(got));
        }
      }
    }
  }
}

}  // namespace
}  // namespace pingti
