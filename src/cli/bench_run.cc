#include "cli/bench_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "model/runner.h"

namespace pingti {
namespace {

constexpr int kPrefillChunk = 512;

// A fixed stream of token ids: speed does not depend on which, but every run must see the same.
class TokenStream {
 public:
  explicit TokenStream(int vocab) : vocab_(static_cast<uint32_t>(vocab)) {}
  int32_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<int32_t>((state_ >> 8) % vocab_);
  }
  std::vector<int32_t> take(int count) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(next());
    return tokens;
  }

 private:
  uint32_t vocab_;
  uint32_t state_ = 1;
};

void prefill(Runner& runner, int sequence, std::span<const int32_t> tokens) {
  while (!tokens.empty()) {
    const auto part = tokens.first(std::min<size_t>(tokens.size(), kPrefillChunk));
    tokens = tokens.subspan(part.size());
    const Runner::Piece piece{.sequence = sequence, .tokens = part, .no_logits = !tokens.empty()};
    runner.step({&piece, 1});
  }
}

void decode(Runner& runner, const BenchCase& bench, TokenStream& stream) {
  std::vector<int32_t> tokens(static_cast<size_t>(bench.sequences));
  std::vector<Runner::Piece> pieces(tokens.size());
  for (int step = 0; step < bench.generate; ++step) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = stream.next();
      pieces[i] = {.sequence = static_cast<int>(i), .tokens = {&tokens[i], 1}};
    }
    runner.step(pieces);
  }
}

// Operations and bytes of one token: every weight but the embedding table once; the head only where logits
// are wanted, which in prefill is one token of many.
struct TokenCost {
  double ops;
  double bytes;
};

TokenCost cost_per_token(const Model& model, const BenchCase& bench) {
  const ModelConfig& c = model.config();
  const double attention_width = double{1.0} * c.heads * c.head_dim;
  const double kv_width = double{2.0} * c.kv_heads * c.head_dim;
  const double block = c.hidden * (2 * attention_width + kv_width) + 3.0 * c.hidden * c.ffn;
  const double head = double{1.0} * c.vocab * c.hidden;
  const double parameters = c.layers * block + (bench.generate > 0 ? head : head / bench.prompt);
  const double share_read = bench.generate > 0 ? 1.0 / bench.sequences : 1.0 / bench.prompt;
  return {2 * parameters, static_cast<double>(model.bytes_per_token()) * share_read};
}

}  // namespace

int BenchCase::columns() const { return prompt > 0 ? std::min(prompt, kPrefillChunk) : sequences; }

std::string BenchCase::label() const {
  std::string text = prompt > 0 ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generate);
  if (sequences > 1) text += fmt::format(" x{}", sequences);
  if (depth > 0) text += fmt::format(" @ d{}", depth);
  return text;
}

MachineLimits measure_limits(const Kernels& kernels, ThreadPool& threads) {
  return {.int8 = probe_int8(kernels, threads), .read_bytes = probe_read_bandwidth(threads)};
}

double BenchResult::mean() const {
  return std::accumulate(tokens_per_second.begin(), tokens_per_second.end(), 0.0) /
         static_cast<double>(tokens_per_second.size());
}

double BenchResult::median() const {
  std::vector<double> sorted = tokens_per_second;
  std::ranges::sort(sorted);
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double BenchResult::deviation() const {
  if (tokens_per_second.size() < 2) return 0;
  double squares = 0;
  for (double value : tokens_per_second) squares += (value - mean()) * (value - mean());
  return std::sqrt(squares / static_cast<double>(tokens_per_second.size() - 1));
}

Result<BenchResult> run_bench(Model& model, const BenchCase& bench, int repetitions,
                              const MachineLimits& limits) {
  const int64_t context = int64_t{bench.depth} + bench.prompt + bench.generate;
  PT_TRY(Runner runner, Runner::create(model, bench.sequences, context));
  TokenStream stream(model.config().vocab);
  const std::vector<int32_t> before = stream.take(bench.depth);
  for (int sequence = 0; sequence < bench.sequences; ++sequence) prefill(runner, sequence, before);
  const std::vector<int32_t> prompt = stream.take(bench.prompt);

  BenchResult result{.bench = bench};
  for (int run = -1; run < repetitions; ++run) {  // the first one warms up
    for (int sequence = 0; sequence < bench.sequences; ++sequence) runner.truncate(sequence, bench.depth);
    const AttentionWork work_before = model.attention_work();
    const auto start = std::chrono::steady_clock::now();
    if (bench.prompt > 0) prefill(runner, /*sequence=*/0, prompt);
    if (bench.generate > 0) decode(runner, bench, stream);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double tokens = bench.prompt + double{1.0} * bench.generate * bench.sequences;
    if (run < 0) continue;
    result.tokens_per_second.push_back(tokens / seconds);
    result.attention += model.attention_work() - work_before;
  }
  const TokenCost cost = cost_per_token(model, bench);
  const double compute = result.median() * cost.ops / limits.int8.operations;
  const double bandwidth = result.median() * cost.bytes / limits.read_bytes;
  result.limit = compute >= bandwidth ? "compute" : "bandwidth";
  result.share_of_limit = std::max(compute, bandwidth);
  return result;
}

}  // namespace pingti
