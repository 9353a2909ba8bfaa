#include <gtest/gtest.h>

#include <functional>

#include "kernels/linear_test_util.h"

namespace pingti {
namespace {

constexpr double kEpsilon = 0x1p-24;
constexpr int kMaxColumns = 100;

std::vector<int64_t> test_cols(DType type) {
  if (find_format(type)->block_values == kSuperScaleValues) return {256, 512, 1536};
  return {32, 64, 96, 576, 896, 1536};
}

struct Options {
  const float* bias = nullptr;
  const std::vector<float>* residual = nullptr;
  int64_t split = 0;  // first panel of a second call; 0: one call
  LinearTuning tuning;
};

// Result [columns][rows] of one product.
std::vector<float> run(const Kernels& kernels, const PackedMatrix& w, TestColumns& x, int columns, bool int8,
                       const Options& options = {}) {
  const int64_t stride = w.rows + 3;
  std::vector<float> y(static_cast<size_t>(stride * columns), -777.0f);
  if (options.residual != nullptr) {
    for (int c = 0; c < columns; ++c) {
      std::copy_n(options.residual->begin(), w.rows, y.begin() + c * stride);
    }
  }
  AlignedVector<std::byte> scratch(linear_scratch_bytes(w, options.tuning));
  LinearArgs args;
  args.weight = &w;
  args.columns = columns;
  if (int8) args.x_int8 = x.blocks();
  if (!int8) args.x_f32 = x.floats();
  args.x_stride = int8 ? x.blocks_stride() : w.cols;
  args.y = y.data();
  args.y_stride = stride;
  args.bias = options.bias;
  args.accumulate = options.residual != nullptr;
  args.scratch = scratch.data();
  args.tuning = options.tuning;
  args.panel_begin = options.split;
  args.panel_end = w.panels();
  auto* product = int8 ? kernels.linear_int8 : kernels.linear_f32;
  product(args);
  args.panel_begin = 0;
  args.panel_end = options.split;
  if (options.split > 0) product(args);
  std::vector<float> result;
  for (int c = 0; c < columns; ++c) {
    for (int64_t row = 0; row < stride; ++row) {
      const float value = y[static_cast<size_t>(c * stride + row)];
      if (row < w.rows) {
        result.push_back(value);
      } else {
        EXPECT_EQ(value, -777.0f) << "written past the rows";
      }
    }
  }
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() <= b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct Expected {
  std::vector<double> value, tolerance;  // [columns][rows]
};

// Products in double from the file's own bytes. Tolerance: every decoded weight and every fold rounds once
// relative to its own size: at most cols / 16 folds of two roundings each, and sums in float (linear_f32)
// add at most 256 + cols / 256 roundings.
Expected expected(const TestMatrix& matrix, TestColumns& x, int columns, bool int8) {
  const PackedMatrix& w = matrix.packed();
  Expected e;
  e.value.resize(static_cast<size_t>(columns * w.rows));
  e.tolerance = e.value;
  const double roundings =
      int8 ? 4.0 + static_cast<double>(w.cols) / 8 : 262.0 + static_cast<double>(w.cols) / 256;
  std::vector<double> inputs(static_cast<size_t>(w.cols));
  std::vector<std::vector<float>> rows;
  for (int64_t row = 0; row < w.rows; ++row) rows.push_back(matrix.decoded_row(row));
  for (int c = 0; c < columns; ++c) {
    for (int64_t k = 0; k < w.cols; ++k) {
      inputs[static_cast<size_t>(k)] = int8 ? x.quantized(c, k) : x.floats()[c * w.cols + k];
    }
    for (int64_t row = 0; row < w.rows; ++row) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < inputs.size(); ++k) {
        const double product = rows[static_cast<size_t>(row)][k] * inputs[k];
        sum += product;
        magnitude += std::fabs(product);
      }
      const auto at = static_cast<size_t>(c * w.rows + row);
      e.value[at] = sum;
      e.tolerance[at] = magnitude * kEpsilon * roundings + 1e-30;
    }
  }
  return e;
}

void expect_near(const std::vector<float>& got, const Expected& want, const std::string& what) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want.value[i], want.tolerance[i]) << what << " at " << i;
  }
}

std::string name_of(const Kernels& kernels, const PackedMatrix& w) {
  return std::string(kernels.isa) + " " + w.layout->format->name + " [" + std::to_string(w.rows) + ", " +
         std::to_string(w.cols) + "]";
}

const std::vector<int>& column_counts() {
  static const std::vector<int> kCounts = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                           11, 12, 13, 14, 15, 16, 17, 32, 33, kMaxColumns};
  return kCounts;
}

// Tables without a float product of their own share one: it is tested once.
std::vector<const Kernels*> tables_by_float_product() {
  std::vector<const Kernels*> tables = runnable_kernels();
  const auto by_function = [](const Kernels* a, const Kernels* b) {
    return std::less<>()(a->linear_f32, b->linear_f32);
  };
  std::stable_sort(tables.begin(), tables.end(), by_function);
  const auto same = [](const Kernels* a, const Kernels* b) { return a->linear_f32 == b->linear_f32; };
  tables.erase(std::unique(tables.begin(), tables.end(), same), tables.end());
  return tables;
}

class LinearTest : public testing::TestWithParam<DType> {};

TEST_P(LinearTest, UnpackedRowsAreTheFilesRows) {
  for (int64_t rows : {1, 15, 16, 17, 33}) {
    for (int64_t cols : test_cols(GetParam())) {
      TestMatrix matrix(GetParam(), rows, cols);
      std::vector<float> row(static_cast<size_t>(cols));
      for (int64_t r = 0; r < rows; ++r) {
        unpack_row(matrix.packed(), r, row.data());
        ASSERT_TRUE(same_bits(row, matrix.decoded_row(r))) << "row " << r << " of " << rows << " x " << cols;
      }
    }
  }
}

// Every column count gives the bits of the largest one, which is near the double result; the same bits on
// every instruction set, since integers are exact and the folds to float are one sequence.
TEST_P(LinearTest, Int8) {
  if (find_format(GetParam())->block_values == 1) GTEST_SKIP() << "float formats have no int8 product";
  for (int64_t rows : {1, 15, 16, 17, 33, 70}) {
    for (int64_t cols : test_cols(GetParam())) {
      TestMatrix matrix(GetParam(), rows, cols);
      TestColumns x(cols, kMaxColumns, panel_layout(GetParam())->scale_block);
      const Expected want = expected(matrix, x, kMaxColumns, true);
      const std::vector<float> reference = run(*all_kernels().back(), matrix.packed(), x, kMaxColumns, true);
      for (const Kernels* kernels : runnable_kernels()) {
        const std::string what = name_of(*kernels, matrix.packed());
        const std::vector<float> all = run(*kernels, matrix.packed(), x, kMaxColumns, true);
        expect_near(all, want, what);
        ASSERT_TRUE(same_bits(all, reference)) << what;
        for (int n : column_counts()) {
          ASSERT_TRUE(same_bits(run(*kernels, matrix.packed(), x, n, true), all)) << what << " n " << n;
        }
      }
    }
  }
}

TEST_P(LinearTest, Float) {
  for (int64_t rows : {1, 16, 33, 70}) {
    for (int64_t cols : test_cols(GetParam())) {
      TestMatrix matrix(GetParam(), rows, cols);
      TestColumns x(cols, kMaxColumns, kActivationBlock);
      const Expected want = expected(matrix, x, kMaxColumns, false);
      for (const Kernels* kernels : tables_by_float_product()) {
        const std::string what = name_of(*kernels, matrix.packed());
        const std::vector<float> all = run(*kernels, matrix.packed(), x, kMaxColumns, false);
        expect_near(all, want, what);
        for (int n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 97}) {  // tiles of up to 8, blocks of 96
          ASSERT_TRUE(same_bits(run(*kernels, matrix.packed(), x, n, false), all)) << what << " n " << n;
        }
      }
    }
  }
}

TEST_P(LinearTest, PanelRangesDoNotMatter) {
  const bool is_float = find_format(GetParam())->block_values == 1;
  TestMatrix matrix(GetParam(), 90, 512);
  TestColumns x(512, 33, panel_layout(GetParam())->scale_block);
  for (const Kernels* kernels : runnable_kernels()) {
    for (int n : {1, 7, 33}) {
      for (bool int8 : {false, true}) {
        if (int8 && is_float) continue;
        const std::vector<float> whole = run(*kernels, matrix.packed(), x, n, int8);
        for (int64_t split = 1; split < matrix.packed().panels(); ++split) {
          ASSERT_TRUE(same_bits(run(*kernels, matrix.packed(), x, n, int8, {.split = split}), whole))
              << name_of(*kernels, matrix.packed()) << " n " << n << " split " << split;
        }
      }
    }
  }
}

TEST_P(LinearTest, BiasThenResidual) {
  const bool is_float = find_format(GetParam())->block_values == 1;
  TestMatrix matrix(GetParam(), 37, 256);
  TestColumns x(256, 9, panel_layout(GetParam())->scale_block);
  std::vector<float> bias(37), residual(37);
  for (size_t i = 0; i < bias.size(); ++i) {
    bias[i] = 0.1f * static_cast<float>(i);
    residual[i] = 3.0f - static_cast<float>(i);
  }
  for (const Kernels* kernels : runnable_kernels()) {
    for (bool int8 : {false, true}) {
      if (int8 && is_float) continue;
      const std::vector<float> plain = run(*kernels, matrix.packed(), x, 9, int8);
      const std::vector<float> full =
          run(*kernels, matrix.packed(), x, 9, int8, {.bias = bias.data(), .residual = &residual});
      for (size_t i = 0; i < plain.size(); ++i) {
        ASSERT_EQ(full[i], residual[i % 37] + (plain[i] + bias[i % 37]))
            << name_of(*kernels, matrix.packed());
      }
    }
  }
}

// Blocking says how work is cut, never how a sum is taken.
TEST_P(LinearTest, TuningChangesNoBit) {
  if (find_format(GetParam())->block_values == 1) GTEST_SKIP() << "float formats have no int8 product";
  TestMatrix matrix(GetParam(), 85, 512);
  LinearTuning least{.stream_columns = 1, .group_bytes = 1, .wide_bytes = 1};
  LinearTuning most{.stream_columns = 4096, .group_bytes = 64 << 20, .wide_bytes = 16 << 20};
  std::ranges::fill(least.direct_columns, 1);
  std::ranges::fill(most.direct_columns, int64_t{1} << 30);
  LinearTuning mixed = least;
  mixed.stream_columns = most.stream_columns;
  for (const Kernels* kernels : runnable_kernels()) {
    for (int n : {1, 5, 37, 70, 131}) {
      TestColumns x(512, n, panel_layout(GetParam())->scale_block);
      const std::vector<float> usual = run(*kernels, matrix.packed(), x, n, true);
      for (const LinearTuning& tuning : {least, most, mixed}) {
        ASSERT_TRUE(same_bits(run(*kernels, matrix.packed(), x, n, true, {.tuning = tuning}), usual))
            << name_of(*kernels, matrix.packed()) << " n " << n;
      }
    }
  }
}

// All activations at +-127 against the extreme integers and scales: no sum may wrap or saturate, in bit
// planes (few columns) or in widened panels (many).
TEST_P(LinearTest, ExtremeValues) {
  if (find_format(GetParam())->block_values == 1) GTEST_SKIP() << "float formats have no int8 product";
  const int scale_block = panel_layout(GetParam())->scale_block;
  constexpr int kColumns = 70;
  for (Fill fill : {Fill::kZeroBits, Fill::kOneBits, Fill::kRandom, Fill::kZeroScales, Fill::kHugeScales}) {
    TestMatrix matrix(GetParam(), 17, 512, fill);
    TestColumns x(512, kColumns, scale_block);
    for (float magnitude : {127.0f, -127.0f, 1e-32f, 1e24f}) {
      for (bool alternate : {false, true}) {
        x.set_all(magnitude, alternate, scale_block);
        const Expected want = expected(matrix, x, 1, true);
        const std::vector<float> reference = run(*all_kernels().back(), matrix.packed(), x, 1, true);
        expect_near(reference, want, name_of(*all_kernels().back(), matrix.packed()));
        for (const Kernels* kernels : runnable_kernels()) {
          const std::string what = name_of(*kernels, matrix.packed());
          for (int n : {1, 2, 7, kColumns}) {
            std::vector<float> columns;  // all alike
            for (int c = 0; c < n; ++c) columns.insert(columns.end(), reference.begin(), reference.end());
            ASSERT_TRUE(same_bits(run(*kernels, matrix.packed(), x, n, true), columns)) << what << " n " << n;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearTest, testing::ValuesIn(all_types()),
                         [](const auto& info) { return std::string(find_format(info.param)->name); });

TEST(PlanPackedTest, RefusesWhatCannotBePacked) {
  const auto odd = plan_packed(DType::kQ4_K, 16, 576);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, "kernels.shape");
  EXPECT_NE(odd.error().hint.find("256"), std::string::npos) << odd.error().to_string();
  EXPECT_FALSE(plan_packed(DType::kQ8_0, 16, 48));
  EXPECT_EQ(plan_packed(DType::kF16, 16, 40)->panel_bytes, 40 * 16 * 2);
  EXPECT_FALSE(plan_packed(DType::kQ8_0, 0, 64));
  const auto unknown = plan_packed(static_cast<DType>(99), 16, 64);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "kernels.format");
}

// Panels cost little more than the file: the padding of super scales, and whole bytes for 4- and 6-bit
// scales.
TEST(PlanPackedTest, PanelsAreAboutAsLargeAsTheFile) {
  for (DType type : all_types()) {
    const PackedMatrix plan = plan_packed(type, 1536, 1536).value();
    const double file = static_cast<double>(plan.layout->format->bytes_for(1536)) * 1536;
    const double most = type == DType::kQ2_K ? 1.2 : 1.07;
    EXPECT_LE(static_cast<double>(plan.bytes()), file * most) << plan.layout->format->name;
  }
}

}  // namespace
}  // namespace pingti
