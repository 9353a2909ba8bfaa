#include "model/cpu_low_rank.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "quant/format.h"

namespace pingti {
namespace {

// Rows of the batch and panels of a matrix that one task takes.
constexpr int kTaskRows = 32;
constexpr int64_t kDownPanels = 2;
constexpr int64_t kUpPanels = 32;

// A matrix's rows as they will be packed: in a float format, in the wanted order.
struct FloatRows {
  const std::byte* data = nullptr;
  DType type = DType::kF32;
  std::vector<std::byte> copy;  // where the file's own bytes do not do
};

FloatRows float_rows(const gguf::TensorInfo& tensor, std::span<const int64_t> order) {
  const DType type = tensor.format->type;
  const bool as_stored = type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
  FloatRows rows{.data = tensor.data.data(), .type = as_stored ? type : DType::kF32, .copy = {}};
  if (as_stored && order.empty()) return rows;
  const auto row_bytes = static_cast<size_t>(as_stored ? tensor.row_bytes() : tensor.cols() * 4);
  rows.copy.resize(row_bytes * static_cast<size_t>(tensor.rows()));
  for (int64_t i = 0; i < tensor.rows(); ++i) {
    const int64_t from = order.empty() ? i : order[static_cast<size_t>(i)];
    const std::byte* source = tensor.data.data() + from * tensor.row_bytes();
    std::byte* target = rows.copy.data() + static_cast<size_t>(i) * row_bytes;
    if (as_stored) {
      std::memcpy(target, source, row_bytes);
    } else {
      tensor.format->decode(source, reinterpret_cast<float*>(target), tensor.cols());
    }
  }
  rows.data = rows.copy.data();
  return rows;
}

}  // namespace

Result<std::unique_ptr<CpuLowRank>> CpuLowRank::load(std::span<const LowRankPart> parts) {
  auto out = std::make_unique<CpuLowRank>();
  std::vector<FloatRows> sources;
  for (const LowRankPart& part : parts) {
    PT_CHECK(part.b_order.empty() || static_cast<int64_t>(part.b_order.size()) == part.b->rows());
    sources.push_back(float_rows(*part.a, {}));
    sources.push_back(float_rows(*part.b, part.b_order));
    Part packed{.scale = part.scale, .first_row = part.first_row, .inner = out->inner_width};
    PT_TRY(packed.a, plan_packed(sources[sources.size() - 2].type, part.a->rows(), part.a->cols()));
    PT_TRY(packed.b, plan_packed(sources.back().type, part.b->rows(), part.b->cols()));
    out->inner_width += packed.a.rows;
    out->bytes += packed.a.bytes() + packed.b.bytes();
    out->parts.push_back(packed);
  }
  PT_TRY(out->memory_, HugeBuffer::allocate(static_cast<size_t>(out->bytes)));
  std::byte* at = out->memory_.data();
  auto source = sources.begin();
  for (Part& part : out->parts) {
    for (PackedMatrix* matrix : {&part.a, &part.b}) {
      matrix->data = at;
      at += matrix->bytes();
      pack_panels(*matrix, source++->data, 0, matrix->panels());
    }
  }
  return out;
}

LowRankRunner::LowRankRunner(const Kernels& kernels, ThreadPool& threads)
    : kernels_(kernels), threads_(threads) {}

void LowRankRunner::add_tasks(const CpuLowRank::Part& part, const PackedMatrix& matrix, int64_t panels_each,
                              const Task& rows, std::vector<Task>* tasks) {
  for (int64_t begin = 0; begin < matrix.panels(); begin += panels_each) {
    Task task = rows;
    task.part = &part;
    task.inner += part.inner;
    task.panel_begin = begin;
    task.panel_end = std::min(begin + panels_each, matrix.panels());
    tasks->push_back(task);
  }
}

void LowRankRunner::plan(std::span<const LowRankRows> updates) {
  int64_t values = 0;
  for (const LowRankRows& update : updates)
    values += update.rows * static_cast<const CpuLowRank&>(*update.update).inner_width;
  if (inner_.size() < static_cast<size_t>(values)) inner_.resize(static_cast<size_t>(values));
  down_.clear();
  up_.clear();
  float* inner = inner_.data();
  for (const LowRankRows& update : updates) {
    const auto& low_rank = static_cast<const CpuLowRank&>(*update.update);
    for (int begin = 0; begin < update.rows; begin += kTaskRows) {
      const Task rows{.row = update.first_row + begin,
                      .columns = std::min(kTaskRows, update.rows - begin),
                      .inner = inner,
                      .inner_stride = low_rank.inner_width};
      for (const CpuLowRank::Part& part : low_rank.parts) {
        add_tasks(part, part.a, kDownPanels, rows, &down_);
        add_tasks(part, part.b, kUpPanels, rows, &up_);
      }
      inner += rows.columns * low_rank.inner_width;
    }
  }
}

void LowRankRunner::run(std::span<const LowRankRows> updates, const CpuOperand& in, int64_t width, float* y) {
  if (updates.empty()) return;
  while (scratch_.size() < static_cast<size_t>(threads_.size())) {
    auto memory = HugeBuffer::allocate(
        linear_scratch_bytes(static_cast<const CpuLowRank&>(*updates.front().update).parts.front().a));
    if (!memory) throw std::bad_alloc();
    scratch_.push_back(*std::move(memory));
  }
  plan(updates);
  threads_.for_each(static_cast<int64_t>(down_.size()),
                    [&](int64_t item, int thread) { down(down_[static_cast<size_t>(item)], in, thread); });
  threads_.for_each(static_cast<int64_t>(up_.size()),
                    [&](int64_t item, int thread) { up(up_[static_cast<size_t>(item)], width, y, thread); });
}

// inner = scale * A x
void LowRankRunner::down(const Task& task, const CpuOperand& in, int thread) {
  kernels_.linear_f32({.weight = &task.part->a,
                       .columns = task.columns,
                       .x_f32 = in.row(task.row),
                       .x_stride = in.width,
                       .y = task.inner,
                       .y_stride = task.inner_stride,
                       .panel_begin = task.panel_begin,
                       .panel_end = task.panel_end,
                       .scratch = scratch_[static_cast<size_t>(thread)].data()});
  const int64_t begin = task.panel_begin * kPanelRows;
  const int64_t end = std::min(task.panel_end * kPanelRows, task.part->a.rows);
  for (int column = 0; column < task.columns; ++column) {
    float* values = task.inner + column * task.inner_stride;
    for (int64_t i = begin; i < end; ++i) values[i] *= task.part->scale;
  }
}

// y += B inner
void LowRankRunner::up(const Task& task, int64_t width, float* y, int thread) {
  kernels_.linear_f32({.weight = &task.part->b,
                       .columns = task.columns,
                       .x_f32 = task.inner,
                       .x_stride = task.inner_stride,
                       .y = y + task.row * width + task.part->first_row,
                       .y_stride = width,
                       .accumulate = true,
                       .panel_begin = task.panel_begin,
                       .panel_end = task.panel_end,
                       .scratch = scratch_[static_cast<size_t>(thread)].data()});
}

}  // namespace pingti
