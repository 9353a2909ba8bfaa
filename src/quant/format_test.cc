#include "quant/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"

namespace pingti {
namespace {

std::vector<float> through(const Format& format, const std::vector<float>& values) {
  std::vector<std::byte> stored(static_cast<size_t>(format.bytes_for(static_cast<int64_t>(values.size()))));
  std::vector<float> back(values.size());
  format.encode(values.data(), stored.data(), static_cast<int64_t>(values.size()));
  format.decode(stored.data(), back.data(), static_cast<int64_t>(values.size()));
  return back;
}

std::vector<float> normal(size_t count, float deviation) {
  std::mt19937 random(7);
  std::normal_distribution<float> distribution(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

// Root of the mean squared error over that of the values.
double relative_error(const std::vector<float>& values, const std::vector<float>& back) {
  double error = 0, power = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(double{back[i]} - double{values[i]}, 2);
    power += std::pow(double{values[i]}, 2);
  }
  return std::sqrt(error / power);
}

TEST(Format, DecodesToTheBitAsTheGgufPackage) {
  auto map = MappedFile::open(PINGTI_SOURCE_DIR "/src/quant/testdata/decode.bin");
  ASSERT_TRUE(map.has_value()) << map.error().to_string();
  std::span<const std::byte> rest = map->bytes();
  size_t formats = 0;
  while (!rest.empty()) {
    char name[9] = {};
    uint32_t sizes[2];
    std::memcpy(name, rest.data(), 8);
    std::memcpy(sizes, rest.data() + 8, 8);
    const Format* format = find_format(std::string_view(name));
    ASSERT_NE(format, nullptr) << name;
    ASSERT_EQ(format->bytes_for(sizes[1]), sizes[0]) << name;
    std::vector<std::byte> stored(rest.begin() + 16, rest.begin() + 16 + sizes[0]);
    std::vector<float> wanted(sizes[1]), found(sizes[1]);
    std::memcpy(wanted.data(), rest.data() + 16 + sizes[0], wanted.size() * 4);
    format->decode(stored.data(), found.data(), sizes[1]);
    for (size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(wanted[i]))
          << name << " value " << i << ": " << found[i] << " instead of " << wanted[i];
    }
    rest = rest.subspan(16 + sizes[0] + wanted.size() * 4);
    ++formats;
  }
  EXPECT_EQ(formats, all_formats().size());
}

TEST(Format, IsFoundByNumberAndName) {
  for (const Format* format : all_formats()) {
    EXPECT_EQ(find_format(format->type), format);
    EXPECT_EQ(find_format(std::string_view(format->name)), format);
  }
  EXPECT_EQ(find_format(static_cast<DType>(4)), nullptr);  // Q4_2, long removed
  EXPECT_EQ(find_format("Q4_k"), nullptr);
}

TEST(Format, EncodingKeepsWeightsWithinTheErrorOfItsBits) {
  // Bounds: a few percent above what these encoders reach on Gaussian weights, the hard case.
  const std::pair<const char*, double> bounds[] = {
      {"F32", 0},      {"F16", 2.2e-4}, {"BF16", 1.7e-3}, {"Q4_0", 0.083}, {"Q4_1", 0.080},
      {"Q5_0", 0.041}, {"Q5_1", 0.039}, {"Q8_0", 0.0055}, {"Q2_K", 0.272}, {"Q3_K", 0.148},
      {"Q4_K", 0.073}, {"Q5_K", 0.037}, {"Q6_K", 0.018},
  };
  const std::vector<float> values = normal(256 * 64, 0.02f);
  for (const auto& [name, bound] : bounds) {
    const double error = relative_error(values, through(*find_format(std::string_view(name)), values));
    EXPECT_LE(error, bound) << name;
    RecordProperty(name, std::to_string(error));
  }
}

TEST(Format, EncodesZerosToZeros) {
  for (const Format* format : all_formats()) {
    for (const float value : through(*format, std::vector<float>(512, 0.0f))) {
      ASSERT_EQ(value, 0.0f) << format->name;
    }
  }
}

TEST(Format, EncodesConstantRows) {
  for (const Format* format : all_formats()) {
    for (const float constant : {0.5f, -0.5f}) {
      for (const float value : through(*format, std::vector<float>(512, constant))) {
        ASSERT_NEAR(value, constant, 0.005f) << format->name;
      }
    }
  }
}

TEST(Format, ScaledFormatsNeverDecodeToNanOrInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> nasty = {std::nanf(""), infinity, -infinity, 3e38f, -3e38f, 1e-45f,
                                    -1e-45f,       65504.0f, 1e7f,      1e-8f, 0.0f,   1.0f};
  for (const Format* format : all_formats()) {
    if (format->block_values == 1) continue;
    std::vector<float> values(512, 0.01f);
    for (size_t i = 0; i < nasty.size(); ++i) {
      values[i * 37 % 512] = nasty[i];  // alone in its sub-block
      std::vector<float> mixed(512, nasty[i]);
      for (const float value : through(*format, mixed)) ASSERT_TRUE(std::isfinite(value)) << format->name;
    }
    for (const float value : through(*format, values)) ASSERT_TRUE(std::isfinite(value)) << format->name;
    for (const float scale : {1e-38f, 1e-20f, 1e-8f, 1e-4f, 1e4f, 1e8f, 1e30f}) {
      for (const float value : through(*format, normal(512, scale))) {
        ASSERT_TRUE(std::isfinite(value)) << format->name << " at " << scale;
      }
    }
  }
}

TEST(Format, EncodingWhatWasDecodedChangesLittle) {
  // Values already on a format's grid are kept almost exactly: requantizing does not drift.
  const std::vector<float> values = normal(256 * 16, 0.02f);
  for (const Format* format : all_formats()) {
    const std::vector<float> once = through(*format, values);
    EXPECT_LE(relative_error(once, through(*format, once)), relative_error(values, once) * 0.75 + 1e-9)
        << format->name;
  }
}

}  // namespace
}  // namespace pingti
