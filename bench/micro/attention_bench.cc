// Speed of attention over 256-key blocks and of the elementwise functions, per instruction set.
//
// attend/ISA/TYPE/HEAD_DIM/ROWS reports flop/s (4 per row, key and value of head_dim); blocks rotate through
// 64 MiB of pages (`cold`, decode of a long context) or stay in the cache (`warm`, prefill).
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/huge_buffer.h"
#include "kernels/kernels.h"

namespace pingti {
namespace {

constexpr int kBlockPages = kAttentionBlock / kPageTokens;

std::vector<float> normal(int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> distribution;
  std::vector<float> out(count);
  for (float& x : out) x = distribution(random);
  return out;
}

struct Shape {
  const Kernels* kernels;
  KvType type;
  int head_dim;
  int rows;
  bool cold;
  bool causal;
};

void attend(benchmark::State& state, Shape shape) {
  const int64_t page_bytes = 2 * kv_head_bytes(shape.type, shape.head_dim);
  const int64_t pages_count = shape.cold ? (int64_t{64} << 20) / page_bytes : kBlockPages;
  auto buffer = *HugeBuffer::allocate(pages_count * page_bytes);
  const auto token = normal(shape.head_dim);
  for (int64_t p = 0; p < pages_count; ++p) {
    std::byte* page = buffer.data() + p * page_bytes;
    for (int slot = 0; slot < kPageTokens; ++slot) {
      shape.kernels->kv_append(
          {shape.type, shape.head_dim, token.data(), token.data(), page, page + page_bytes / 2, slot});
    }
  }
  auto q = normal(int64_t{shape.rows} * shape.head_dim);
  for (int r = 0; r < shape.rows; ++r) {
    shape.kernels->attend_query(shape.type, shape.head_dim, &q[int64_t{r} * shape.head_dim]);
  }
  std::vector<AttendRow> rows;
  for (int r = 0; r < shape.rows; ++r) {
    rows.push_back({&q[int64_t{r} * shape.head_dim], 0,
                    shape.causal ? kAttentionBlock - shape.rows + r : kAttentionBlock});
  }
  std::vector<float> partials(shape.rows * (shape.head_dim + 2));
  std::vector<float> scratch(attend_scratch_floats(shape.rows));
  const std::byte* pages[2][kBlockPages];  // of a block and the next
  const int64_t blocks_count = pages_count / kBlockPages;
  int64_t block = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (int i = 0; i < kBlockPages; ++i) {
      pages[0][i] = buffer.data() + (block * kBlockPages + i) * page_bytes;
      pages[1][i] = buffer.data() + ((block + 1) % blocks_count * kBlockPages + i) * page_bytes;
    }
    block = (block + 1) % blocks_count;
    shape.kernels->attend_block({.type = shape.type,
                                 .head_dim = shape.head_dim,
                                 .scale = 0.1f,
                                 .softcap = 0.0f,
                                 .pages = pages[0],
                                 .next_pages = pages[1],
                                 .k_offset = 0,
                                 .v_offset = page_bytes / 2,
                                 .rows = rows.data(),
                                 .row_count = shape.rows,
                                 .partials = partials.data(),
                                 .partial_stride = shape.head_dim + 2,
                                 .scratch = scratch.data()});
    benchmark::ClobberMemory();
  }
  const double blocks = static_cast<double>(state.iterations());
  state.counters["flop/s"] = benchmark::Counter(blocks * 4 * shape.rows * kAttentionBlock * shape.head_dim,
                                                benchmark::Counter::kIsRate);
  state.counters["B/s"] =
      benchmark::Counter(blocks * kBlockPages * static_cast<double>(page_bytes), benchmark::Counter::kIsRate);
}

void gated(benchmark::State& state, const Kernels* kernels, Activation activation) {
  const auto gate = normal(8960);
  std::vector<float> out(gate.size());
  for ([[maybe_unused]] auto _ : state) {
    kernels->gated_activation(activation, gate.data(), gate.data(), 8960, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 8960);
}

void softmax(benchmark::State& state, const Kernels* kernels) {
  const auto x = normal(151936);
  float max, sum;
  for ([[maybe_unused]] auto _ : state) {
    kernels->max_and_sum_exp(x.data(), 151936, &max, &sum);
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * 151936);
}

void norm(benchmark::State& state, const Kernels* kernels) {
  const auto x = normal(2048);
  std::vector<float> out(2048);
  for ([[maybe_unused]] auto _ : state) {
    kernels->rms_norm(x.data(), x.data(), 1e-6f, 2048, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 2048);
}

void rotate(benchmark::State& state, const Kernels* kernels, bool interleaved) {
  auto x = normal(12 * 128);
  const std::vector<float> cos(64, 0.6f), sin(64, 0.8f);
  for ([[maybe_unused]] auto _ : state) {
    kernels->rope({x.data(), 12, 128, 128, cos.data(), sin.data(), interleaved});
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 12 * 128);
}

void append(benchmark::State& state, const Kernels* kernels, KvType type) {
  std::vector<std::byte> page(2 * kv_head_bytes(type, 128));
  const auto k = normal(128);
  int slot = 0;
  for ([[maybe_unused]] auto _ : state) {
    kernels->kv_append(
        {type, 128, k.data(), k.data(), page.data(), page.data() + page.size() / 2, slot++ % kPageTokens});
    benchmark::ClobberMemory();
  }
}

void query(benchmark::State& state, const Kernels* kernels, KvType type) {
  const auto q = normal(128);
  std::vector<float> row(128);
  for ([[maybe_unused]] auto _ : state) {
    std::copy(q.begin(), q.end(), row.begin());
    kernels->attend_query(type, 128, row.data());
    benchmark::ClobberMemory();
  }
}

constexpr std::pair<KvType, const char*> kTypes[] = {{KvType::kF16, "f16"}, {KvType::kBF16, "bf16"},
                                                     {KvType::kF32, "f32"}, {KvType::kQ16, "q16"},
                                                     {KvType::kQ8, "q8"},   {KvType::kQ4, "q4"}};

void add_attend(const Shape& shape, const char* type) {
  const std::string name = std::string("attend/") + shape.kernels->isa + "/" + type + "/" +
                           std::to_string(shape.head_dim) + "/" + std::to_string(shape.rows) +
                           (shape.cold ? "/cold" : "/warm") + (shape.causal ? "/causal" : "");
  benchmark::RegisterBenchmark(name.c_str(), attend, shape);
}

const bool kRegistered = [] {
  for (const Kernels* kernels : all_kernels()) {
    if (!is_runnable(*kernels)) continue;
    for (const auto& [type, name] : kTypes) {
      for (const int head_dim : {64, 128, 256}) {
        for (const int rows : {1, 2, 3, 4, 6, 7, 8, 12, 16, 32, 64}) {
          if (rows <= 8) add_attend({kernels, type, head_dim, rows, true, false}, name);
          add_attend({kernels, type, head_dim, rows, false, false}, name);
          if (rows >= 32) add_attend({kernels, type, head_dim, rows, false, true}, name);
        }
      }
    }
    const std::string isa = kernels->isa;
    benchmark::RegisterBenchmark(("silu/" + isa).c_str(), gated, kernels, Activation::kSilu);
    benchmark::RegisterBenchmark(("gelu_tanh/" + isa).c_str(), gated, kernels, Activation::kGeluTanh);
    benchmark::RegisterBenchmark(("gelu_erf/" + isa).c_str(), gated, kernels, Activation::kGeluErf);
    benchmark::RegisterBenchmark(("max_and_sum_exp/" + isa).c_str(), softmax, kernels);
    benchmark::RegisterBenchmark(("rms_norm/" + isa).c_str(), norm, kernels);
    benchmark::RegisterBenchmark(("rope_neox/" + isa).c_str(), rotate, kernels, false);
    benchmark::RegisterBenchmark(("rope_pairs/" + isa).c_str(), rotate, kernels, true);
    for (const auto& [type, name] : kTypes) {
      benchmark::RegisterBenchmark(("kv_append/" + isa + "/" + name).c_str(), append, kernels, type);
      benchmark::RegisterBenchmark(("attend_query/" + isa + "/" + name).c_str(), query, kernels, type);
    }
  }
  return true;
}();

}  // namespace
}  // namespace pingti
