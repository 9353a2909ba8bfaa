// The elementwise functions of every instruction set against double precision.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace pingti {
namespace {

constexpr double kUnit = 0x1p-24;  // rounding error of one float operation
constexpr double kSmallest = 0x1p-149;
constexpr float kInf = std::numeric_limits<float>::infinity();

class ElementwiseTest : public testing::TestWithParam<const Kernels*> {
 protected:
  void SetUp() override {
    if (!is_runnable(*GetParam())) GTEST_SKIP() << "this CPU lacks " << GetParam()->isa;
  }
  const Kernels& kernels() const { return *GetParam(); }
  std::vector<float> normal(int64_t count, float size = 1.0f) {
    std::normal_distribution<float> distribution(0, size);
    std::vector<float> out(count);
    for (float& x : out) x = distribution(random_);
    return out;
  }
  std::mt19937 random_{77};
};
INSTANTIATE_TEST_SUITE_P(Isas, ElementwiseTest, testing::ValuesIn(all_kernels().begin(), all_kernels().end()),
                         [](const auto& info) { return std::string(info.param->isa); });

// ---- rms_norm ----------------------------------------------------------------------------------------

TEST_P(ElementwiseTest, RmsNorm) {
  for (const int count : {1, 2, 15, 16, 17, 63, 64, 65, 80, 576, 896, 2048, 8191}) {
    for (const bool weighted : {true, false}) {
      for (const float size : {1e-8f, 1.0f, 1e15f}) {
        const auto x = normal(count, size);
        const auto weight = normal(count);
        std::vector<float> out(count + 1, 9.0f);
        kernels().rms_norm(x.data(), weighted ? weight.data() : nullptr, 1e-6f, count, out.data());
        double squares = 0;
        for (const float v : x) squares += double{v} * v;
        const double scale = 1 / std::sqrt(squares / count + double{1e-6f});
        for (int i = 0; i < count; ++i) {
          const double want = x[i] * scale * (weighted ? weight[i] : 1.0f);
          // Squares are summed in 64 lanes; the root halves the relative error.
          ASSERT_NEAR(out[i], want, std::fabs(want) * (count / 64.0 + 12) * kUnit) << count << " " << i;
        }
        ASSERT_EQ(out[count], 9.0f);
        std::vector<float> in_place = x;
        kernels().rms_norm(in_place.data(), weighted ? weight.data() : nullptr, 1e-6f, count,
                           in_place.data());
        out.pop_back();
        ASSERT_EQ(in_place, out);
      }
    }
  }
}

TEST_P(ElementwiseTest, RmsNormOfZerosIsZero) {
  std::vector<float> x(100, 0.0f);
  kernels().rms_norm(x.data(), nullptr, 1e-6f, 100, x.data());
  EXPECT_EQ(x, std::vector<float>(100, 0.0f));
}

// ---- rope --------------------------------------------------------------------------------------------

TEST_P(ElementwiseTest, Rope) {
  struct Shape {
    int head_dim, rotary_dim;
  };
  for (const auto& [head_dim, rotary_dim] :
       {Shape{64, 64}, Shape{128, 128}, Shape{80, 20}, Shape{96, 50}, Shape{256, 64}, Shape{16, 2}}) {
    for (const bool interleaved : {false, true}) {
      const int heads = 3;
      const int half = rotary_dim / 2;
      std::vector<float> cos(half), sin(half);
      for (int i = 0; i < half; ++i) {
        const double angle = 1234 * std::pow(10000.0, -2.0 * i / rotary_dim);
        cos[i] = static_cast<float>(std::cos(angle));
        sin[i] = static_cast<float>(std::sin(angle));
      }
      const auto x = normal(heads * head_dim);
      std::vector<double> want(x.begin(), x.end());
      for (int h = 0; h < heads; ++h) {
        for (int i = 0; i < half; ++i) {
          const int a = h * head_dim + (interleaved ? 2 * i : i);
          const int b = interleaved ? a + 1 : a + half;
          want[a] = double{x[a]} * cos[i] - double{x[b]} * sin[i];
          want[b] = double{x[b]} * cos[i] + double{x[a]} * sin[i];
        }
      }
      std::vector<float> got = x;
      kernels().rope({got.data(), heads, head_dim, rotary_dim, cos.data(), sin.data(), interleaved});
      for (int i = 0; i < heads * head_dim; ++i) {
        const bool rotated = i % head_dim < rotary_dim;
        ASSERT_NEAR(got[i], want[i], rotated ? 4 * kUnit * 8 : 0) << i << " of " << head_dim;
      }
    }
  }
}

// ---- gated activation --------------------------------------------------------------------------------

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::kRelu:
      return std::max(x, 0.0);
  }
  return NAN;
}
// How many rounding errors the exponent's argument may carry into the result, besides the fixed ones.
double argument_size(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return std::fabs(x);
    case Activation::kGeluTanh:
      return 4 * std::fabs(1.6 * (x + 0.044715 * x * x * x));
    case Activation::kGeluErf:
      return 2 * x * x;
    case Activation::kRelu:
      return 0;
  }
  return NAN;
}

TEST_P(ElementwiseTest, GatedActivations) {
  std::vector<float> gate = {0.0f,   -0.0f,  1e-30f,  -1e-30f, 1e-5f, -1e-5f, 88.0f,  -88.0f, 90.0f,
                             -90.0f, 104.0f, -104.0f, 1e4f,    -1e4f, 1e12f,  -1e12f, 1e30f,  -1e30f};
  for (int i = 0; i < 8087; ++i) gate.push_back(-15.0f + 0.00371f * static_cast<float>(i));
  const int count = static_cast<int>(gate.size());
  const auto up = normal(count);
  for (const auto activation :
       {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu}) {
    std::vector<float> out(count);
    kernels().gated_activation(activation, gate.data(), up.data(), count, out.data());
    for (int i = 0; i < count; ++i) {
      const double want = activated(activation, gate[i]) * up[i];
      const double relative = (12 + argument_size(activation, std::min(std::fabs(gate[i]), 110.0f))) * kUnit;
      // Where e^x overflows or underflows in float the result, below 2^-118, may be zero.
      ASSERT_NEAR(out[i], want, std::fabs(want) * relative + 0x1p-118) << gate[i];
    }
    std::vector<float> in_place = gate;
    kernels().gated_activation(activation, in_place.data(), up.data(), count, in_place.data());
    ASSERT_EQ(in_place, out);
    // A value's bits do not depend on its place in a vector or a tail.
    for (int i = 0; i < 200; ++i) {
      float alone;
      kernels().gated_activation(activation, &gate[i], &up[i], 1, &alone);
      ASSERT_EQ(std::bit_cast<uint32_t>(alone), std::bit_cast<uint32_t>(out[i]));
    }
  }
}

TEST_P(ElementwiseTest, ActivationsKeepNan) {
  for (const auto activation :
       {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu}) {
    const float nan = std::nanf("");
    const float one = 1;
    float out = 0;
    kernels().gated_activation(activation, &nan, &one, 1, &out);
    EXPECT_TRUE(std::isnan(out));
  }
}

// ---- add_scaled, max_and_sum_exp ---------------------------------------------------------------------

TEST_P(ElementwiseTest, AddScaled) {
  for (const int count : {1, 15, 16, 33, 1000}) {
    auto x = normal(count + 1);
    const auto before = x;
    const auto y = normal(count);
    kernels().add_scaled(x.data(), y.data(), -0.37f, count);
    for (int i = 0; i < count; ++i) {
      ASSERT_NEAR(x[i], before[i] + double{-0.37f} * y[i],
                  2 * kUnit * (std::fabs(before[i]) + 2 * std::fabs(y[i])));
    }
    ASSERT_EQ(x[count], before[count]);
  }
}

TEST_P(ElementwiseTest, ExpIsWithinTwoUlp) {
  // Seen through attention: two keys with scores 0 and x and values 0 and 1 give e^x.
  const int head_dim = 16;
  std::vector<std::byte> page(2 * kv_head_bytes(KvType::kF32, head_dim));
  const int64_t v_offset = kv_head_bytes(KvType::kF32, head_dim);
  std::vector<float> k(head_dim, 0.0f), zeros(head_dim, 0.0f), ones(head_dim, 1.0f);
  kernels().kv_append(
      {KvType::kF32, head_dim, k.data(), zeros.data(), page.data(), page.data() + v_offset, 0});
  k[0] = 1;
  kernels().kv_append(
      {KvType::kF32, head_dim, k.data(), ones.data(), page.data(), page.data() + v_offset, 1});
  const std::byte* pages[kAttentionBlock / kPageTokens] = {page.data()};
  std::vector<float> scratch(attend_scratch_floats(64));
  double worst = 0;
  for (float x = 0; x > -104.5f;) {
    std::vector<float> q(64 * head_dim, 0.0f);
    std::vector<AttendRow> rows;
    for (int r = 0; r < 64; ++r, x -= 0.000317f * (1 + x * x / 400)) {
      q[r * head_dim] = x;
      rows.push_back({&q[r * head_dim], 0, 2});
    }
    std::vector<float> partials(64 * (head_dim + 2));
    kernels().attend_block({.type = KvType::kF32,
                            .head_dim = head_dim,
                            .scale = 1.0f,
                            .softcap = 0.0f,
                            .pages = pages,
                            .k_offset = 0,
                            .v_offset = v_offset,
                            .rows = rows.data(),
                            .row_count = 64,
                            .partials = partials.data(),
                            .partial_stride = head_dim + 2,
                            .scratch = scratch.data()});
    for (int r = 0; r < 64; ++r) {
      const double want = std::exp(double{q[r * head_dim]});
      const double ulp = std::max(kSmallest, std::ldexp(1.0, std::ilogb(want) - 23));
      worst = std::max(worst, std::fabs(partials[r * (head_dim + 2) + 2] - want) / ulp);
    }
  }
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST_P(ElementwiseTest, MaxAndSumExp) {
  for (const int count : {1, 2, 16, 17, 63, 64, 65, 4095, 4096, 4097, 151936, 262144}) {
    auto x = normal(count, 4.0f);
    for (int i = 0; i < count; i += 7) x[i] = i > 0 ? -kInf : x[i];
    float max = 0;
    float sum = 0;
    kernels().max_and_sum_exp(x.data(), count, &max, &sum);
    float want_max = -kInf;
    for (const float v : x) want_max = std::max(want_max, v);
    double want = 0;
    for (const float v : x) want += std::exp(double{v} - want_max);
    ASSERT_EQ(max, want_max);
    // exp: 2 ulp, and the argument's own rounding (below 64); chunks of 4096 in 64 lanes.
    ASSERT_NEAR(sum, want, want * (4 + 32 + 64) * kUnit);
  }
}

TEST_P(ElementwiseTest, MaxAndSumExpOfExtremes) {
  float max = 0;
  float sum = 0;
  std::vector<float> x(100, -kInf);
  kernels().max_and_sum_exp(x.data(), 100, &max, &sum);
  EXPECT_EQ(max, -kInf);
  EXPECT_EQ(sum, 0.0f);
  x[99] = -3e38f;
  kernels().max_and_sum_exp(x.data(), 100, &max, &sum);
  EXPECT_EQ(max, -3e38f);
  EXPECT_EQ(sum, 1.0f);
  x[3] = 3e38f;
  kernels().max_and_sum_exp(x.data(), 100, &max, &sum);
  EXPECT_EQ(max, 3e38f);
  EXPECT_EQ(sum, 1.0f);
  x[70] = std::nanf("");
  kernels().max_and_sum_exp(x.data(), 100, &max, &sum);
  EXPECT_TRUE(std::isnan(sum));
}

}  // namespace
}  // namespace pingti
