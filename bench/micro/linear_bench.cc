// Speed of linear products against this machine's limits: int8 operations per second in registers and bytes
// per second from memory, both measured here. Every result is checked before it is timed.
//
// linear_bench [--isa NAME] [--threads N] [--types Q4_K,Q6_K] [--columns 1,512] [--f32] [--chunk PANELS]
//              [--seconds S] [--shape 1536x1536]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/probe.h"

namespace pingti {
namespace {

struct Shape {
  int64_t rows, cols;
};

struct Options {
  std::string isa;
  int threads = 1;
  std::vector<const Format*> types;
  std::vector<Shape> shapes = {{1536, 1536}, {8960, 1536}, {1536, 8960}};
  std::vector<int> columns = {1, 4, 8, 32, 512};
  bool f32 = false;
  double seconds = 0.3;  // per measurement
  int64_t chunk = 0;     // panels a thread takes at a time; 0: as the CPU backend does
};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Enough copies of one matrix that weights come from memory, as in a model.
struct Weights {
  std::vector<HugeBuffer> memory;
  std::vector<PackedMatrix> copies;
  double pack_bytes_per_second = 0;
  std::vector<float> first_row;
};

std::vector<std::byte> random_file(const Format& format, const Shape& shape) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> row(static_cast<size_t>(shape.cols));
  const auto row_bytes = static_cast<size_t>(format.bytes_for(shape.cols));
  std::vector<std::byte> file(row_bytes * static_cast<size_t>(shape.rows));
  constexpr int64_t kDistinct = 16;  // rows, repeated: encoding is slow
  for (int64_t r = 0; r < std::min(kDistinct, shape.rows); ++r) {
    for (float& x : row) x = normal(random);
    format.encode(row.data(), file.data() + static_cast<size_t>(r) * row_bytes, shape.cols);
  }
  for (int64_t r = kDistinct; r < shape.rows; ++r) {
    std::memcpy(file.data() + static_cast<size_t>(r) * row_bytes,
                file.data() + static_cast<size_t>(r % kDistinct) * row_bytes, row_bytes);
  }
  return file;
}

Weights make_weights(const Format& format, const Shape& shape) {
  Weights weights;
  const std::vector<std::byte> file = random_file(format, shape);
  weights.first_row.resize(static_cast<size_t>(shape.cols));
  format.decode(file.data(), weights.first_row.data(), shape.cols);
  const PackedMatrix plan = plan_packed(format.type, shape.rows, shape.cols).value();
  constexpr int64_t kBeyondCaches = 256 << 20;
  const int64_t copies = std::max<int64_t>(2, kBeyondCaches / plan.bytes());
  for (int64_t i = 0; i < copies; ++i) {
    weights.memory.push_back(HugeBuffer::allocate(static_cast<size_t>(plan.bytes())).value());
    PackedMatrix matrix = plan;
    matrix.data = weights.memory.back().data();
    std::memset(matrix.data, 0, static_cast<size_t>(plan.bytes()));  // page faults are not the packer's
    const double start = seconds();
    pack_panels(matrix, file.data(), 0, matrix.panels());
    weights.pack_bytes_per_second =
        std::max(weights.pack_bytes_per_second, static_cast<double>(file.size()) / (seconds() - start));
    weights.copies.push_back(matrix);
  }
  return weights;
}

struct Inputs {
  std::vector<float> x, y;
  HugeBuffer blocks;
};

Inputs make_inputs(const Kernels& kernels, const Shape& shape, int columns, int scale_block) {
  Inputs inputs;
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  inputs.x.resize(static_cast<size_t>(shape.cols * columns));
  for (float& x : inputs.x) x = normal(random);
  inputs.y.resize(static_cast<size_t>(shape.rows * columns));
  inputs.blocks = HugeBuffer::allocate(inputs.x.size() / kActivationBlock * sizeof(ActivationBlock)).value();
  for (int c = 0; c < columns; ++c) {
    kernels.quantize(inputs.x.data() + c * shape.cols, shape.cols, scale_block,
                     inputs.blocks.as<ActivationBlock>() + c * (shape.cols / kActivationBlock));
  }
  return inputs;
}

class Product {
 public:
  Product(const Kernels& kernels, ThreadPool& threads, const Options& options)
      : kernels_(kernels), threads_(threads), options_(options) {}

  void run(const PackedMatrix& matrix, Inputs& inputs, int columns) {
    while (scratch_.size() < static_cast<size_t>(threads_.size())) {
      scratch_.push_back(HugeBuffer::allocate(linear_scratch_bytes(matrix) + (2 << 20)).value());
    }
    LinearArgs args;
    args.weight = &matrix;
    args.columns = columns;
    args.x_int8 = inputs.blocks.as<ActivationBlock>();
    args.x_f32 = inputs.x.data();
    args.x_stride = options_.f32 ? matrix.cols : matrix.cols / kActivationBlock;
    args.y = inputs.y.data();
    args.y_stride = matrix.rows;
    const int64_t pieces = threads_.size() * (columns > 36 ? 16 : 4);
    int64_t chunk = std::max<int64_t>(4, ((matrix.panels() + pieces - 1) / pieces + 3) / 4 * 4);
    if (threads_.size() == 1) chunk = matrix.panels();
    if (options_.chunk > 0) chunk = options_.chunk;
    std::atomic<int64_t> next{0};
    threads_.run([&](int thread) {
      LinearArgs mine = args;
      mine.scratch = scratch_[static_cast<size_t>(thread)].data();
      for (int64_t begin; (begin = next.fetch_add(chunk)) < matrix.panels();) {
        mine.panel_begin = begin;
        mine.panel_end = std::min(begin + chunk, matrix.panels());
        (options_.f32 ? kernels_.linear_f32 : kernels_.linear_int8)(mine);
      }
    });
  }

 private:
  const Kernels& kernels_;
  ThreadPool& threads_;
  const Options& options_;
  std::vector<HugeBuffer> scratch_;
};

bool is_right(const Weights& weights, const Inputs& inputs, const Shape& shape, int columns) {
  for (int c = 0; c < columns; ++c) {
    double want = 0, magnitude = 0;
    for (int64_t k = 0; k < shape.cols; ++k) {
      const double product = static_cast<double>(weights.first_row[static_cast<size_t>(k)]) *
                             inputs.x[static_cast<size_t>(c * shape.cols + k)];
      want += product;
      magnitude += product * product;
    }
    // Activations are rounded to 1/254 of their block's peak: noise of about 1 % of the root of squares.
    if (std::fabs(inputs.y[static_cast<size_t>(c * shape.rows)] - want) > 0.06 * std::sqrt(magnitude)) {
      return false;
    }
  }
  return true;
}

struct Limits {
  double ops, bytes;  // per second
};

bool measure(const Kernels& kernels, ThreadPool& threads, const Options& options, const Limits& limits,
             const Format& format, const Shape& shape) {
  Weights weights = make_weights(format, shape);
  Product product(kernels, threads, options);
  std::printf("%-5s %5lld x %-5lld pack %5.2f GB/s\n", format.name, static_cast<long long>(shape.rows),
              static_cast<long long>(shape.cols), weights.pack_bytes_per_second * 1e-9);
  for (int columns : options.columns) {
    Inputs inputs = make_inputs(kernels, shape, columns, weights.copies[0].layout->scale_block);
    product.run(weights.copies[0], inputs, columns);
    if (!is_right(weights, inputs, shape, columns)) {
      std::printf("  wrong result for %d columns\n", columns);
      return false;
    }
    // The best of many: on a shared machine what disturbs only ever slows.
    double time = 1e9;
    const double end = seconds() + options.seconds;
    size_t copy = 0;
    for (int count = 0; count < 5 || seconds() < end; ++count) {
      const double start = seconds();
      product.run(weights.copies[copy], inputs, columns);
      time = std::min(time, seconds() - start);
      copy = (copy + 1) % weights.copies.size();
    }
    const double ops = 2.0 * static_cast<double>(shape.rows * shape.cols) * columns / time;
    const double bytes = static_cast<double>(weights.copies[0].bytes()) / time;
    std::printf("  n %4d  %8.1f us  %6.3f TOP/s (%4.1f %%)  %6.1f GB/s (%4.1f %%)\n", columns, time * 1e6,
                ops * 1e-12, 100 * ops / limits.ops, bytes * 1e-9, 100 * bytes / limits.bytes);
  }
  return true;
}

template <class Add>
void split(std::string_view list, const Add& add) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    add(std::string(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--f32") {
      options.f32 = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (flag == "--isa") options.isa = value;
    if (flag == "--threads") options.threads = std::atoi(value.c_str());
    if (flag == "--seconds") options.seconds = std::atof(value.c_str());
    if (flag == "--shape") {
      Shape shape{};
      if (std::sscanf(value.c_str(), "%ldx%ld", &shape.rows, &shape.cols) != 2) return false;
      options.shapes = {shape};
    }
    if (flag == "--chunk") options.chunk = std::atoi(value.c_str());
    if (flag == "--columns") {
      options.columns.clear();
      split(value, [&](const std::string& n) { options.columns.push_back(std::atoi(n.c_str())); });
    }
    if (flag == "--types") {
      split(value, [&](const std::string& name) { options.types.push_back(find_format(name)); });
    }
  }
  if (options.types.empty()) {
    for (const Format* format : all_formats()) {
      if (format->block_values > 1 || options.f32) options.types.push_back(format);
    }
  }
  return std::ranges::find(options.types, nullptr) == options.types.end() && options.threads > 0;
}

int run(const Options& options) {
  const auto kernels = select_kernels(options.isa);
  if (!kernels) {
    std::fprintf(stderr, "%s\n", kernels.error().to_string().c_str());
    return 1;
  }
  ThreadPool threads(options.threads);
  const Limits limits{probe_int8(**kernels, threads).operations, probe_read_bandwidth(threads)};
  std::printf("%s, %d threads: int8 peak %.3f TOP/s, memory %.1f GB/s\n", (*kernels)->isa, options.threads,
              limits.ops * 1e-12, limits.bytes * 1e-9);
  for (const Format* format : options.types) {
    for (const Shape& shape : options.shapes) {
      if (!measure(**kernels, threads, options, limits, *format, shape)) return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace pingti

int main(int argc, char** argv) {
  pingti::Options options;
  if (!pingti::parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: linear_bench [--isa NAME] [--threads N] [--types Q4_K,Q6_K] [--columns 1,512] "
                 "[--f32] [--chunk PANELS] [--seconds S] [--shape 1536x1536]\n");
    return 2;
  }
  return pingti::run(options);
}
